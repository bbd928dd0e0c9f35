import HostFixtures
import Hypervisor
import Testing
import ZFS

@testable import RunState

@Suite("The properties of a snapshot")
struct SnapshotPropertiesTests {
    @Test(
        "say the lowest consistency of its VMs",
        arguments: [
            ([.quiesced], "quiesced"), ([.quiesced, .crash, .memory], "crash"), ([.memory, .quiesced], "quiesced"),
            ([.quiesced, .off], "off"), ([.memory], "memory"), ([.crash, .stale, .memory], "stale"),
        ] as [([Consistency], String)])
    func lowest(consistencies: [Consistency], expected: String) throws {
        let records = try consistencies.map { try makeRecord("web", $0) }
        #expect(SnapshotProperties(records, run: "1")?.consistency == expected)
    }

    @Test("are none without a VM")
    func none() throws {
        #expect(SnapshotProperties([], run: "1") == nil)
        #expect(SnapshotProperties([try makeRecord("web", nil)], run: "1") == nil)
    }

    @Test("name each VM with what it got, in order")
    func machines() throws {
        let records = [try makeRecord("web", .quiesced), try makeRecord("db", .crash), try makeRecord("odd", nil)]
        let found = try #require(SnapshotProperties(records, run: PoolBench.run))
        let expected = [
            "stillpoint:consistency=crash", "stillpoint:vms=db=crash,odd=crash,web=quiesced",
            "stillpoint:run=\(PoolBench.run)",
        ]
        #expect(found.pairs.map { "\($0.name)=\($0.value)" } == expected)
    }

    @Test("tell why a VM is crash-consistent in a word, and are read back", arguments: ReasonCode.all)
    func reasons(code: ReasonCode) throws {
        var record = try makeRecord("a", .crash)
        record.fallbacks = [
            .init(strategy: .memory, reason: "no", code: .noRoom), .init(strategy: .quiesce, reason: "no", code: code),
        ]
        let text = try #require(SnapshotProperties([record], run: PoolBench.run)).machines
        #expect(text == "a=crash:\(code)")
        #expect(SnapshotProperties.read(machines: text) == [.init(name: "a", consistency: .crash, reason: code)])
    }

    @Test(
        "take no text of another's for a reason",
        arguments: ["", "Agent", "a b", "a%2Cb", "<script>", "é", String(repeating: "a", count: 41)])
    func strangeReasons(text: String) {
        let read = SnapshotProperties.read(machines: "a=crash:\(text)")
        #expect(read == [.init(name: "a", consistency: .crash)])
    }

    @Test("tell since when a VM is stale, and are read back")
    func stale() throws {
        var since = try makeRecord("web", .stale)
        since.staleSince = 1_795_258_800
        let records = [since, try makeRecord("db", .stale), try makeRecord("a", .crash)]
        let text = try #require(SnapshotProperties(records, run: PoolBench.run)).machines
        #expect(text == "a=crash,db=stale,web=stale:2026-11-21T11:00:00Z")
        let claims = SnapshotProperties.read(machines: text)
        #expect(claims.map(\.consistency) == [.crash, .stale, .stale])
        #expect(claims.map(\.staleSince) == [nil, nil, 1_795_258_800])
        let strange = SnapshotProperties.read(machines: "a=stale:soon,b=staler,c=crash:1,d=,e=quiesced:2026")
        #expect(strange.map(\.consistency) == [.stale, .crash, .crash, .crash])
        #expect(strange.allSatisfy { $0.staleSince == nil })
    }

    @Test(
        "encode a name so that commas and equals signs mean what they say",
        arguments: [
            ("web-01.a_b", "web-01.a_b"), ("a,b=c", "a%2Cb%3Dc"), ("a\nb", "a%0Ab"), ("100%", "100%25"),
            ("日", "%E6%97%A5"), ("", ""), ("a b/../c", "a%20b%2F..%2Fc"), ("\u{7F}", "%7F"),
        ])
    func encoding(name: String, expected: String) throws {
        #expect(SnapshotProperties([try makeRecord(name)], run: "1")?.machines == "\(expected)=quiesced")
    }

    @Test(
        "fit into a ZFS property however many VMs there are, and say how many more",
        arguments: [1, 2, 60, 61, 62, 63, 64, 65, 500, 5000], ["web", "日本語のとても長い名前"])
    func length(count: Int, name: String) throws {
        let records = try (0..<count).map { try makeRecord("\(name)\($0)") }
        let value = try #require(SnapshotProperties(records, run: "1")?.machines)
        #expect(value.utf8.count <= ZFSCommand.longestPropertyValue)
        let words = value.split(separator: ",")
        let named = words.filter { $0.hasSuffix("=quiesced") }.count
        let more = words.last.flatMap { $0.hasPrefix("+") ? Int($0.dropFirst()) : nil } ?? 0
        #expect(named + more == count)
        #expect(words.count == named + (more > 0 ? 1 : 0))
        // No room is given away: one more name would not have fitted.
        if more > 0 { #expect(value.utf8.count > ZFSCommand.longestPropertyValue - 140) }
    }

    @Test("leave the reasons out where they would take the place of what a VM got", arguments: [30, 60])
    func crowded(count: Int) throws {
        var records = try (0..<count).map { try makeRecord("web\($0 + 10)", .crash) }
        for index in records.indices { records[index].loweredBy = .deviceUnsupported }
        records.append(try makeRecord("zz", .quiesced))
        let text = try #require(SnapshotProperties(records, run: "1")).machines
        #expect(text.utf8.count <= ZFSCommand.longestPropertyValue)
        let claims = SnapshotProperties.read(machines: text)
        #expect(claims.map(\.name) == records.map(\.name))
        #expect(claims.last?.consistency == .quiesced)
        #expect(claims.dropLast().allSatisfy { $0.reason == (count == 30 ? .deviceUnsupported : nil) })
    }

    @Test("only count a VM whose name alone is too long")
    func tooLong() throws {
        let records = [try makeRecord(String(repeating: "日", count: 200)), try makeRecord("~")]
        #expect(SnapshotProperties([records[0]], run: "1")?.machines == "+1")
        let value = try #require(SnapshotProperties(records, run: "1")?.machines)
        #expect(value.utf8.count <= ZFSCommand.longestPropertyValue)
        #expect(value == "%7E=quiesced,+1")
    }

    private func grouped(_ run: Run) -> [String: String] {
        var result: [String: String] = [:]
        for (properties, snapshots) in SnapshotProperties.bySnapshot(of: run) {
            for snapshot in snapshots { result[snapshot.rawValue] = properties.machines }
        }
        return result
    }

    @Test("go to each dataset's snapshot with the VMs on that very dataset, and to none of a parent without any")
    func recursive() throws {
        let run = try makeRun(
            "1", targets: ["tank"], recursive: ["tank"], names: ["daily", "hourly"],
            machines: [
                makeRecord("both", on: ["tank/VM", "tank/VM/db"], .off), makeRecord("db", on: ["tank/VM/db"]),
                makeRecord("web", on: ["tank/VM"]),
            ])
        var expected: [String: String] = [:]
        for name in ["daily", "hourly"] {
            expected["tank/VM@\(name)"] = "both=off,web=quiesced"
            expected["tank/VM/db@\(name)"] = "both=off,db=quiesced"
        }
        #expect(grouped(run) == expected)
    }

    @Test("go to the targets only where the snapshot is not recursive")
    func notRecursive() throws {
        let run = try makeRun(
            "1", targets: ["tank/VM", "tank/other", "rpool"],
            machines: [makeRecord("web", on: ["tank/VM"]), makeRecord("two", on: ["tank/VM", "tank/other"], .crash)])
        #expect(grouped(run) == ["tank/VM@daily": "two=crash,web=quiesced", "tank/other@daily": "two=crash"])
    }

    @Test("are grouped, so that few calls of zfs set them")
    func groups() throws {
        let run = try makeRun("1", names: ["a", "b", "c"], machines: [makeRecord("web")])
        #expect(SnapshotProperties.bySnapshot(of: run).values.map(\.count) == [3])
    }
}
