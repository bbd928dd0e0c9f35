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
        #expect(record.reportLine(after: told) == "web01: crash-consistent only, as pre-snapshot said")
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
