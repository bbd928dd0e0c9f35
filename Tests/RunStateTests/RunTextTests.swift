import HostFixtures
import JSON
import Testing

@testable import RunState

@Suite("The text of a run")
struct RunTextTests {
    @Test("reads back as the run, after every kind of change", arguments: [0, 1, 3])
    func readsBack(machines: Int) throws {
        let text = RunText()
        // A name like the place where the VMs are put in must not mislead.
        let records = try (0..<machines).map { try makeRecord(#""machines": [] \#($0)"#, nil) }
        var run = try makeRun(StateDirectoryTests.id, machines: records)
        #expect(try JSON.decode(Run.self, from: text.bytes(of: run)) == run)
        for index in run.machines.indices { run.machines[index].freezeState = someHold }
        run.phase = .frozen
        #expect(try JSON.decode(Run.self, from: text.bytes(of: run)) == run)
        run.machines = run.machines.reversed()
        #expect(try JSON.decode(Run.self, from: text.bytes(of: run)) == run)
        run.machines = Array(run.machines.dropLast())
        #expect(try JSON.decode(Run.self, from: text.bytes(of: run)) == run)
    }
}
