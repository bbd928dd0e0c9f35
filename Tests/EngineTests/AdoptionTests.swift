import HostFixtures
import Hypervisor
import Support
import TestSupport
import Testing

@testable import Engine
@testable import Operator
@testable import RunState

@Suite("What a run has left whose state file is gone")
struct AdoptionTests {
    private static let run: RunID = "20200101T000000Z-00abcd"

    private static func leftover(_ name: String = "web01", obstacle: String? = nil) -> Leftover {
        Leftover(
            run: run.text, machineID: "id-of-\(name)", machineName: name, freezeState: someHold, obstacle: obstacle)
    }

    private static let words = [
        "web01: the run \(run), which has no state file", "vda on /o/a.qcow2 over its base /tank/a, b.raw",
        "stillpoint recover --adopt",
    ]

    @Test("is named by check and recover, with VM, overlay, base and command, and nothing is touched")
    func named() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            bench.world.change { $0.leftovers = { [Self.leftover()] } }
            let configuration = try bench.configuration
            let findings = try await PreflightCheck(
                configuration: configuration, context: bench.context(),
                hypervisors: Hypervisors(configuration, bench.context())
            ).run().lines(.problem)
            for part in Self.words { #expect(findings.contains { $0.has(part) }) }
            #expect(await bench.operating.recover() == .needsRecovery)
            for part in Self.words { #expect(bench.log.text.contains(part)) }
            #expect(await bench.operating.recover(adopt: true, dryRun: true) == .done)
            #expect(bench.world.count("release") == 0)
            #expect(try bench.openRuns().isEmpty)
        }
    }

    @Test("is released by recover --adopt, with a state file from before the first step until the last")
    func adopted() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            bench.world.change { $0.leftovers = { [Self.leftover()] } }
            #expect(await bench.operating.recover(adopt: true) == .done)
            #expect(bench.world.calls == ["release id-of-web01"])
            #expect(bench.world.journal["web01"]??.freezeState == someHold)
            #expect(try bench.openRuns().isEmpty)
            #expect(bench.log.text.contains("web01: back on its own disks"))
        }
    }

    @Test("of a hypervisor that is not enabled is released by recover --adopt, and not asked for by check and recover")
    func disabled() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            bench.world.change { $0.leftovers = { [Self.leftover()] } }
            try bench.reconfigure { text in
                "[hypervisor local]\nenabled = no" + text.dropFirst("[hypervisor local]".count)
            }
            #expect(await bench.operating.recover() == .done)
            #expect(await bench.operating.recover(adopt: true) == .done)
            #expect(bench.world.calls == ["release id-of-web01"])
        }
    }

    @Test("stays an open run where it cannot be released, and recover continues it")
    func failed() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            bench.world.change {
                $0.leftovers = { [Self.leftover()] }
                $0.release = { _, _ in throw refusal(.stop, "somebody else has it") }
            }
            #expect(await bench.operating.recover(adopt: true) == .needsRecovery)
            #expect(try bench.openRuns().map(\.id) == [Self.run])
            bench.world.change {
                $0.leftovers = { [] }
                $0.release = { _, record in try await record(nil) }
            }
            #expect(await bench.operating.recover() == .done)
            #expect(try bench.openRuns().isEmpty)
        }
    }

    @Test("is not touched where it is not what its name says, and where it is an open run's")
    func leftAlone() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            bench.world.change { $0.leftovers = { [Self.leftover(obstacle: "it is no qcow2 image")] } }
            #expect(await bench.operating.recover(adopt: true) == .needsRecovery)
            #expect(bench.log.text.contains("it is no qcow2 image"))
            bench.world.change { $0.leftovers = { [Self.leftover()] } }
            var record = try makeRecord("web01")
            record.freezeState = someHold
            try bench.directory.prepare()
            try bench.directory.write(makeRun(Self.run, machines: [record]))
            let lock = try #require(try bench.directory.lock(run: Self.run, waiting: false))
            #expect(await bench.operating.recover(adopt: true) == .done)
            #expect(bench.world.count("release") == 0)
            withExtendedLifetime(lock) {}
        }
    }

    private static func nameless(_ obstacle: String? = nil) -> Leftover {
        let freezeState = FreezeState(step: .held, snapshot: "stillpoint-unknown", disks: someHold.disks)
        return Leftover(
            run: nil, machineID: "id-of-web01", machineName: "web01", freezeState: freezeState, obstacle: obstacle)
    }

    @Test("is released by a run of its own where nothing tells which run made it")
    func nameless() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            bench.world.change { $0.leftovers = { [Self.nameless()] } }
            #expect(await bench.operating.recover() == .needsRecovery)
            #expect(bench.log.text.contains("web01: a run, which has no state file, left vda on /o/a.qcow2"))
            #expect(await bench.operating.recover(adopt: true) == .done)
            #expect(bench.world.calls == ["release id-of-web01"])
            let freezeState = try #require(bench.world.journal["web01"]??.freezeState)
            #expect(freezeState.disks == someHold.disks)
            #expect(RunID(freezeState.snapshot.dropFirst("stillpoint-".count)) != nil)
            #expect(try bench.openRuns().isEmpty)
        }
    }

    @Test(
        "is nobody's to adopt where an open run holds that overlay, or is about to freeze the VM",
        arguments: [true, false])
    func openRuns(isHeld: Bool) async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            let id = RunID.young
            bench.world.change {
                $0.leftovers = {
                    // It comes while the hypervisor is read, and is another overlay of that VM.
                    if !isHeld {
                        var run = try makeRun(id, machines: [makeRecord("web01", nil)])
                        run.phase = .freezing
                        try bench.directory.prepare()
                        try bench.directory.write(run)
                    }
                    return [Self.nameless()]
                }
            }
            if isHeld {
                var record = try makeRecord("web01")
                record.freezeState = someHold
                try bench.directory.prepare()
                try bench.directory.write(makeRun(id, machines: [record]))
            }
            try bench.directory.prepare()
            let lock = try bench.directory.lock(run: id, waiting: false)
            #expect(await bench.operating.recover(adopt: true) == .done)
            #expect(bench.world.count("release") == 0)
            #expect(try bench.openRuns().map(\.id) == [id])
            withExtendedLifetime(lock) {}
        }
    }

    @Test("is not touched where it may belong to a run whose state file cannot be read")
    func unreadable() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            bench.world.change { $0.leftovers = { [Self.nameless()] } }
            try bench.directory.prepare()
            try bench.scratch.write("state/runs/\(RunID.young).json", "{")
            #expect(await bench.operating.recover(adopt: true) == .needsRecovery)
            #expect(bench.world.count("release") == 0)
            #expect(bench.log.text.contains("it may belong to a run"))
        }
    }

    @Test("that nobody could be asked of is said, and keeps nothing else from recovery")
    func silent() async throws {
        try await withBench { bench, host async throws in
            bench.world.change { $0.leftovers = { throw refusal(.retry, "nobody answers") } }
            #expect(await bench.operating.recover() == .done)
            #expect(bench.log.text.contains("nobody answers"))
        }
    }
}
