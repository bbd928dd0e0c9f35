import HostFixtures
import Hypervisor
import TestSupport
import Testing

@testable import Operator
@testable import RunState

@Suite("What a shell is offered")
struct CompletionTests {
    @Test("are the VMs of the last runs, without names that a shell would carry out or take for an option")
    func machines() async throws {
        try await withBench { bench, _ async throws in
            let names = ["web01", "db:1", "$(reboot)", "`id`", "a b", "-rf", "x;y", "\u{202e}evil", "new\nline", ""]
            let records = try names.map { try makeRecord($0) }
            try bench.directory.prepare()
            try RunHistory(bench.directory).append(makeRun(PoolBench.run, machines: records), .released)
            #expect(await bench.operating.machines(in: nil, beginning: "") == ["db:1", "web01"])
            #expect(await bench.operating.machines(in: nil, beginning: "w") == ["web01"])
            #expect(bench.world.count("list") == 0)
        }
    }

    @Test("are codes where one was begun")
    func codes() async throws {
        try await withBench { bench, _ async throws in
            #expect(bench.operating.codes(beginning: "SP30").contains("SP303"))
            #expect(bench.operating.codes(beginning: "SP30").allSatisfy { $0.hasPrefix("SP30") })
            #expect(bench.operating.codes(beginning: "agent-").contains("agent-silent"))
            #expect(bench.operating.codes(beginning: "").isEmpty && bench.operating.codes(beginning: "$(").isEmpty)
        }
    }

    @Test("are the open runs")
    func openRuns() async throws {
        try await withBench { bench, _ async throws in
            #expect(bench.operating.openRuns(beginning: "") == [])
            try bench.directory.prepare()
            try bench.directory.write(makeRun(PoolBench.run, machines: [makeRecord("web01")]))
            #expect(bench.operating.openRuns(beginning: "2") == [PoolBench.run.text])
            #expect(bench.operating.openRuns(beginning: "x") == [])
        }
    }

    @Test(
        "is nothing where there is no such snapshot, and no name that is one",
        arguments: ["tank/VM@gone", "@", "a@b@c", ""])
    func unknown(snapshot: String) async throws {
        try await withBench { bench, _ async throws in
            #expect(await bench.operating.machines(in: snapshot, beginning: "") == [])
            #expect(await bench.operating.snapshots(beginning: snapshot + "@") == [])
        }
    }
}
