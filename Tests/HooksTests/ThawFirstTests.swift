import HostFixtures
import Hypervisor
import Support
import TestSupport
import Testing

@testable import Engine
@testable import Operator
@testable import RunState

@Suite("A thaw that is pending")
struct ThawFirstTests {
    private static func frozen(_ name: String, disks: [OverlayDisk] = someHold.disks) throws -> VMRecord {
        var record = try makeRecord(name)
        record.freezeState = FreezeState(step: .switching, snapshot: "s", disks: disks, isThawPending: true)
        return record
    }

    private func open(_ bench: HookBench, _ phase: Run.Phase, _ machines: [VMRecord]) throws -> RunID {
        var run = try makeRun(RunID.make(), machines: machines)
        run.phase = phase
        try bench.directory.prepare()
        try bench.directory.write(run)
        return run.id
    }

    @Test(
        "comes before everything else that a release, an ending or a recovery does",
        arguments: [Run.Phase.frozen, .freezing, .releasing])
    func first(phase: Run.Phase) async throws {
        try await withBench { bench, host async throws in
            let machines = try [Self.frozen("a"), Self.frozen("b", disks: []), makeRecord("c", .off)]
            let id = try open(bench, phase, machines)
            bench.has(host.web("a"), host.web("b"), host.web("c", power: .off))
            #expect(await bench.operating.recover(run: id.text) == .done)
            #expect(Set(bench.world.calls.prefix(2)) == ["thaw id-of-a", "thaw id-of-b"])
            // The one that held nothing else is done with.
            #expect(!bench.world.calls.contains("release id-of-b"))
            #expect(try bench.openRuns().isEmpty)
        }
    }

    @Test("does not wait for one that never comes: the others are thawed and released beside it")
    func beside() async throws {
        try await withBench { bench, host async throws in
            let id = try open(bench, .frozen, [Self.frozen("hangs"), Self.frozen("well")])
            bench.has(host.web("hangs"), host.web("well"))
            bench.world.change { behaviour in
                behaviour.thaw = { [world = bench.world] id in
                    guard id == "id-of-hangs" else { return 2 }
                    _ = try await eventually { world.count("thaw") >= 2 }
                    throw HypervisorError(.timedOut, "no answer", remedy: .stop)
                }
                behaviour.release = { request, record in
                    guard request.machineID != "id-of-hangs" else {
                        throw HypervisorError(.timedOut, "no answer", remedy: .stop)
                    }
                    #expect(!request.freezeState.isThawPending)
                    try await record(nil)
                }
            }
            #expect(await bench.operating.recover(run: id.text) == .needsRecovery)
            #expect(bench.world.count("thaw") == 2 && bench.world.calls.contains("release id-of-well"))
            let left = try #require(try bench.openRuns().first)
            #expect(left.machines.map { $0.freezeState?.isThawPending } == [true, nil])
        }
    }

    @Test("that a guest does not answer keeps no other VM on its overlay, and the snapshot gets its properties")
    func late() async throws {
        try await withBench { bench, host async throws in
            let id = try open(bench, .frozen, [Self.frozen("late"), makeRecord("well")])
            var run = try bench.directory.read(id)
            run.machines[1].freezeState = someHold
            try bench.directory.write(run)
            bench.has(host.web("late"), host.web("well"))
            bench.world.change { behaviour in
                behaviour.thaw = { [world = bench.world] _ in
                    _ = try await eventually { world.calls.contains("release id-of-well") }
                    _ = try await eventually { try !bench.zfs.stored().isEmpty }
                    return 2
                }
            }
            let begin = ContinuousClock.now
            #expect(await bench.operating.recover(run: id.text) == .done)
            #expect(begin.duration(to: .now) < .seconds(14))
            #expect(
                bench.world.calls.filter { !$0.hasPrefix("l") } == [
                    "thaw id-of-late", "release id-of-well", "release id-of-late",
                ])
        }
    }

    @Test("does not wait for zfs, nor does a release")
    func zfsHangs() async throws {
        try await withBench { bench, host async throws in
            let id = try open(bench, .frozen, [Self.frozen("a"), makeRecord("c", .off)])
            bench.has(host.web("a"), host.web("c", power: .off))
            let path = host.scratch.path
            try host.scratch.write(
                "bin/zfs",
                """
                #!/bin/sh
                for i in $(seq 100); do [ -e \(path)/released ] && exit 1; sleep 0.1; done
                touch \(path)/zfs-was-waited-for
                exit 1
                """, mode: 0o755)
            bench.world.change { behaviour in
                behaviour.release = { _, record in
                    try host.scratch.write("released", "")
                    try await record(nil)
                }
            }
            #expect(await bench.operating.recover(run: id.text) == .done)
            #expect(!fileExists(path + "/zfs-was-waited-for"))
        }
    }

    @Test("is forgotten once the guest confirmed it, and nothing else of the hold is")
    func noted() throws {
        let memory = FreezeState(step: .switching, snapshot: "s", disks: [], isThawPending: true, ramDump: "/ram")
        var run = try makeRun("r", machines: [Self.frozen("a"), Self.frozen("b", disks: []), Self.frozen("c")])
        run.machines[2].freezeState = memory
        run.note(Dictionary(uniqueKeysWithValues: run.machines.map { ($0.key, .thawed(2)) }))
        #expect(
            run.machines[0].freezeState?.isThawPending == false && run.machines[0].freezeState?.disks == someHold.disks)
        #expect(run.machines[1].freezeState == nil)
        #expect(run.machines[2].freezeState?.ramDump == "/ram" && run.machines[2].freezeState?.isThawPending == false)
    }
}
