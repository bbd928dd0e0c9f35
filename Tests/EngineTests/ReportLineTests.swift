import HostFixtures
import Hypervisor
import Testing

@testable import Engine
@testable import RunState

@Suite("The report's line of a VM")
struct ReportLineTests {
    private func line(
        _ consistency: Consistency?, name: String = "web01", _ change: (inout VMRecord) -> Void
    ) throws -> String {
        var record = try makeRecord(name, consistency)
        change(&record)
        return record.reportLine
    }

    @Test(
        "says what it got",
        arguments: [
            (nil, "web01: not frozen"), (.crash, "web01: crash-consistent only"),
            (.off, "web01: shut off, consistent as it is"), (.quiesced, "web01: quiesced"),
            (.memory, "web01: disks and RAM of one instant"),
            (.stale, "web01: stale: the snapshot holds nothing of what it wrote since"),
        ] as [(Consistency?, String)])
    func consistency(consistency: Consistency?, expected: String) throws {
        #expect(try line(consistency) { _ in } == expected)
    }

    @Test(
        "says for how long its file systems were frozen",
        arguments: [
            (2, 3, 40, "web01: quiesced, 2 of 3 file systems frozen for 40 ms"),
            (2, nil, 40, "web01: quiesced, 2 file systems frozen for 40 ms"), (0, 3, 40, "web01: quiesced"),
            (2, 2, nil, "web01: quiesced"),
        ] as [(Int, Int?, Int64?, String)])
    func frozen(count: Int, listed: Int?, milliseconds: Int64?, expected: String) throws {
        let found = try line(.quiesced) { record in
            record.frozenFileSystems = count
            record.listedFileSystems = listed
            record.frozenMilliseconds = milliseconds
        }
        #expect(found == expected)
    }

    @Test("says that `shutdown` shut it down, and started it again", arguments: [true, false])
    func shutDown(isReleased: Bool) throws {
        let found = try line(.off) { record in
            record.strategy = .shutdown
            record.phase = isReleased ? .released : .frozen
            if !isReleased {
                record.freezeState = FreezeState(step: .held, snapshot: "stillpoint-1", strategy: .shutdown, disks: [])
            }
        }
        #expect(found == "web01: shut down for the snapshot" + (isReleased ? " and started again" : ""))
    }

    @Test("takes what `pause` got for what it was to get, unless something else was tried before")
    func paused() throws {
        func found(_ change: (inout VMRecord) -> Void) throws -> String {
            try line(.crash) { record in
                record.strategy = .pause
                record.pausedMilliseconds = 24
                change(&record)
            }
        }
        #expect(try found { _ in } == "web01: crash-consistent, paused for 24 ms")
        let held = try found { record in
            record.pausedMilliseconds = nil
            record.freezeState = FreezeState(step: .held, snapshot: "stillpoint-1", strategy: .pause, disks: [])
        }
        #expect(held == "web01: crash-consistent, paused")
        let second = try found { $0.fallbacks = [.init(strategy: .quiesce, reason: "no agent")] }
        #expect(second == "web01: crash-consistent only (quiesce: no agent)")
        let asleep = try found { record in
            record.pausedMilliseconds = nil
            record.notes = ["it was paused already, and stays so"]
        }
        #expect(asleep == "web01: crash-consistent only (it was paused already, and stays so)")
    }

    @Test("says why it did not get more")
    func reasons() throws {
        let found = try line(.crash) { record in
            record.fallbacks = [.init(strategy: .quiesce, reason: "no agent")]
            record.notes = ["vdb is shareable", "it was started"]
        }
        #expect(found == "web01: crash-consistent only (quiesce: no agent; vdb is shareable; it was started)")
    }

    @Test("says after pre-snapshot what is new alone")
    func told() throws {
        var told = try makeRecord("web01", .crash)
        told.notes = ["vdb is shareable"]
        var record = told
        #expect(record.reportLine(after: told) == nil)
        record.notes.append("vda: the VM was off")
        #expect(
            record.reportLine(after: told)
                == "web01: crash-consistent only, as pre-snapshot said (vda: the VM was off)")
        told.consistency = .quiesced
        #expect(record.reportLine(after: told) == record.reportLine)
    }

    @Test("stays one line whatever the VM is called")
    func name() throws {
        #expect(try line(.quiesced, name: "a\nb\u{1B}[31m") { _ in } == "a\\nb\\u{1B}[31m: quiesced")
    }
}
