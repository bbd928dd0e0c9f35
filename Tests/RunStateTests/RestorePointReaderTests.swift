import Glibc
import HostFixtures
import Hypervisor
import RAMArchive
import Support
import TestSupport
import Testing
import ZFS

@testable import JSON
@testable import RunState

@Suite("A restore point that is read quickly")
struct RestorePointReaderTests {
    private static func whole() throws -> RestorePoint {
        var full = try keptMachine(
            "wéb \"1\"\n\u{202E}", on: ["tank/VM", "tank/DB"], .crash,
            dump: StoredDump(
                path: "/ram/a.ram", bytes: 12,
                packed: PackedDump(plainBytes: 12, storedBytes: 3, sha256: "ab", compression: .zstd), problem: "full",
                source: "/x", usableUntil: 7))
        full.reason = .agentSilent
        full.staleSince = 5
        full.frozenMilliseconds = 6
        full.pausedMilliseconds = 7
        full.notes = ["quiesce: \u{0}\t", ""]
        full.kept = "60303ae2"
        return RestorePoint(
            format: 2, run: PoolBench.run, manager: "sanoid",
            snapshots: [
                RestorePointSnapshot(name: try SnapshotName("tank/VM@daily"), guid: "1"),
                RestorePointSnapshot(name: try SnapshotName("tank/VM@b c")),
                RestorePointSnapshot(name: try SnapshotName("tank/DB@daily"), wasMissing: true),
            ], machines: [full, try keptMachine("plain", .quiesced), try keptMachine("plain", .stale)])
    }

    private static func slowly(_ bytes: [UInt8]) -> RestorePoint? {
        try? StateFile.decode(
            RestorePoint.self, bytes, from: "x", newest: RestorePoint.format, fix: (damaged: "", newer: ""))
    }

    @Test("is what it was when it was written")
    func same() throws {
        var reader = RestorePointReader()
        let point = try Self.whole()
        let bytes = try StateFile.text(point)
        for _ in 0..<2 { #expect(reader.point(bytes) == point) }
        #expect(Self.slowly(bytes) == point)
    }

    @Test("is never other than StateFile reads it, whatever is changed or missing in it")
    func changed() throws {
        let whole = try JSONValue(parsing: StateFile.text(Self.whole()), within: .json)
        let others: [JSONValue] = [
            .null, .bool(true), .int(-1), .int(3), .real(1.5), .string(""), .string("tank//VM"), .string("crash"),
            .array([]), .array([.int(1)]), .object([:]),
        ]
        var (same, left) = (0, 0)
        var reader = RestorePointReader()
        for changed in whole.variants(with: others) {
            let bytes = try text(of: changed)
            guard let quick = reader.point(bytes) else {
                left += 1
                continue
            }
            same += 1
            #expect(quick == Self.slowly(bytes), "\(String(decoding: bytes, as: UTF8.self))")
        }
        #expect(same > 50 && left > 200)
    }

    @Test(
        "is none of what is no restore point, or of a later format",
        arguments: ["", "{}", "[]", "null", "{\"format\": 1", "{\"format\": 3}", "{\"a\": 1, \"a\": 2}"])
    func none(_ text: String) {
        var reader = RestorePointReader()
        #expect(reader.point(Array(text.utf8)) == nil)
    }

    @Test("is left to StateFile where it has a seal, or its folder is others' to change")
    func judged() throws {
        try withScratchFolder { scratch in
            let directory = StateDirectory(scratch.path + "/state")
            try directory.prepare()
            let catalogue = Catalogue(directory)
            try catalogue.write(Self.whole())
            #expect(try catalogue.all().points == [Self.whole()])
            let file = "\(catalogue.folder)/\(PoolBench.run).json"
            #expect(chmod(file, 0o666) == 0)
            let all = catalogue.all()
            #expect(all.points.isEmpty && all.problems.count == 1)
            #expect("\(all.problems)".contains("others may write to"))
            #expect(chmod(file, 0o600) == 0)
            try scratch.link("state/restore-points/20261121T110000Z-0000bb.json", to: "\(PoolBench.run).json")
            #expect(catalogue.all().points.count == 1 && catalogue.all().problems.count == 1)
            #expect(chmod(catalogue.folder, 0o777) == 0)
            #expect(catalogue.all().points.isEmpty)
            #expect("\(catalogue.all().problems)".contains("chmod go-w"))
        }
    }
}

extension JSONValue {
    /// This value with each of its parts, one at a time, left out or made another one.
    fileprivate func variants(with others: [JSONValue]) -> [JSONValue] {
        switch self {
        case .object(let members):
            members.keys.sorted().flatMap { key -> [JSONValue] in
                let value = members[key] ?? .null
                var without = members
                without[key] = nil
                let changed = (others + value.variants(with: others)).map { other in
                    var copy = members
                    copy[key] = other
                    return JSONValue.object(copy)
                }
                return [.object(without)] + changed
            }
        case .array(let elements):
            elements.indices.flatMap { place in
                elements[place].variants(with: others).map { other in
                    var copy = elements
                    copy[place] = other
                    return JSONValue.array(copy)
                }
            }
        default: []
        }
    }
}
