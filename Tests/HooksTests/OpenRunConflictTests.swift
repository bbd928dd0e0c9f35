import HostFixtures
import Hypervisor
import SnapshotManagers
import TestSupport
import Testing

@testable import Engine
@testable import RunState

@Suite("A VM of another open run")
struct OpenRunConflictTests {
    private func openRun(_ bench: HookBench, _ change: (inout VMRecord) -> Void) throws {
        var record = try makeRecord("web01", nil)
        change(&record)
        try bench.directory.prepare()
        try bench.directory.write(makeRun(RunID.young, machines: [record]))
    }

    private func newRecord(_ bench: HookBench) throws -> VMRecord {
        try #require(try bench.openRuns().last { $0.id != RunID.young }?.machines.first)
    }

    @Test(
        "is not frozen a second time; where the other run is overdue, the reason says what to do",
        arguments: [false, true])
    func held(isOverdue: Bool) async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            try openRun(bench) { record in
                record.freezeState = someHold
                if isOverdue { record.earlyRelease = EarlyRelease(began: 1, reason: "freeze_limit") }
            }
            // Half of the deadline is kept for the freeze.
            #expect(await bench.run(.pre, ["--deadline", "10", "tank/VM@daily"]) == .done)
            #expect(Set(bench.world.calls) == ["list"])
            let record = try newRecord(bench)
            #expect(record.consistency == .crash)
            let reason = "the run \(RunID.young) has not released it yet" + (isOverdue ? ": stillpoint recover" : "")
            #expect(record.fallbacks.map(\.reason) == [reason])
            #expect(try bench.directory.read(RunID.young).machines.first?.freezeState == someHold)
        }
    }

    @Test(
        "is another VM where only its server's own number is the same, and the same one by its UUID",
        arguments: [("vm-101", 1), ("0d8e7f0a-5a5b-4c43-9f3b-1b6f0a7c2d11", 0)])
    func onAnotherServer(id: String, freezes: Int) async throws {
        try await withBench { bench, host async throws in
            bench.has(
                VirtualMachine(
                    id: id, name: "web01", power: .running, disks: [host.disk("vda", "tank/VM/web01.raw")]))
            var record = VMRecord(hypervisor: "other", id: id, name: "web01", datasets: [])
            record.freezeState = someHold
            try bench.directory.prepare()
            try bench.directory.write(makeRun(RunID.young, machines: [record]))
            #expect(await bench.run(.pre, ["--deadline", "10", "tank/VM@daily"]) == .done)
            #expect(bench.world.count("freeze") == freezes)
        }
    }

    @Test("does not hold up others where it could not be frozen anyway")
    func others() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web(power: .paused), host.web("web02"))
            try openRun(bench) { $0.freezeState = someHold }
            #expect(await bench.run(.pre) == .done)
            #expect(bench.world.calls == ["list", "freeze web02"])
            let records = try bench.openRuns().flatMap(\.machines)
            #expect(records.map(\.consistency) == [nil, .crash, .quiesced])
        }
    }

    @Test("is frozen once the other run has released it")
    func letGo() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            try openRun(bench) { $0.phase = .released }
            #expect(await bench.run(.pre) == .done)
            #expect(bench.world.count("freeze") == 1)
        }
    }

    @Test("is waited for, and read anew then")
    func waiting() async throws {
        try await withBench { bench, host async throws in
            // As the hypervisor shows it while the other run has it: on an overlay over its own disk.
            let held = host.machine("web01", host.disk("vda", "overlays/o.qcow2", "tank/VM/web01.raw"))
            bench.has(held)
            try openRun(bench) { $0.freezeState = someHold }
            async let code = bench.run(.pre)
            while bench.world.calls.isEmpty { await Task.yield() }
            bench.has(host.web())
            try bench.directory.remove(RunID.young)
            #expect(await code == .done)
            #expect(bench.world.count("freeze") == 1)
            #expect(try bench.onlyRecord().consistency == .quiesced)
        }
    }

    @Test("that is just about to be frozen is not frozen either")
    func planned() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            try bench.directory.prepare()
            // The other run's process lives and has not come to the VM yet.
            let lock = try bench.directory.lock(run: RunID.young, waiting: false)
            var run = try makeRun(RunID.young, machines: [makeRecord("web01", nil)])
            run.phase = .freezing
            try bench.directory.write(run)
            #expect(await bench.run(.pre, ["--deadline", "10", "tank/VM@daily"]) == .done)
            #expect(bench.world.count("freeze") == 0)
            #expect(try newRecord(bench).consistency == .crash)
            withExtendedLifetime(lock) {}
        }
    }

    @Test("that a dead process had planned is free")
    func dead() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            var run = try makeRun(RunID.young, machines: [makeRecord("web01", nil)])
            run.phase = .freezing
            try bench.directory.prepare()
            try bench.directory.write(run)
            #expect(await bench.run(.pre) == .done)
            #expect(bench.world.count("freeze") == 1)
        }
    }

    @Test("is left to the hook that came first while that is still freezing it")
    func atOnce() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            let (secondEnds, second) = AsyncStream.makeStream(of: Void.self)
            bench.world.change { behaviour in
                let freeze = behaviour.freeze
                behaviour.freeze = { request, record in
                    // Nothing is held yet, as far as the first run's state file says.
                    for await _ in secondEnds {}
                    return try await freeze(request, record)
                }
            }
            async let first = bench.run(.pre)
            while bench.world.count("freeze") == 0 { await Task.yield() }
            #expect(await bench.run(.pre, ["--deadline", "10", "tank/VM@daily"]) == .done)
            second.finish()
            #expect(await first == .done)
            #expect(bench.world.count("freeze") == 1)
            let records = try bench.openRuns().flatMap(\.machines)
            #expect(records.count { $0.freezeState != nil } == 1)
            #expect(Set(records.map(\.consistency)) == [.quiesced, .crash])
        }
    }

    @Test("does not keep a run from being opened beside a state file that cannot be read")
    func damaged() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            try bench.scratch.write("state/runs/\(RunID.young).json", "{")
            #expect(await bench.run(.pre) == .done)
            #expect(bench.world.count("freeze") == 1)
            #expect(bench.log.text.contains("is damaged"))
        }
    }
}

@Suite("A journal that cannot be written")
struct LostJournalTests {
    @Test("has pre-snapshot release what it froze and not say that nothing was touched")
    func whileFreezing() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            bench.world.change { behaviour in
                let freeze = behaviour.freeze
                behaviour.freeze = { request, record in
                    let result = try await freeze(request, record)
                    // The VM is held, and from now on the disk takes nothing.
                    bench.scratch.remove("state/runs")
                    return result
                }
            }
            #expect(await bench.run(.pre) == .failed)
            #expect(bench.world.calls == ["list", "freeze web01", "release id-of-web01"])
        }
    }

    @Test("has pre-snapshot ask for recovery when what it froze cannot be released")
    func stuck() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            bench.world.change { behaviour in
                let freeze = behaviour.freeze
                behaviour.freeze = { request, record in
                    let result = try await freeze(request, record)
                    bench.scratch.remove("state/runs")
                    return result
                }
                behaviour.release = { _, _ in throw refusal(.stop) }
            }
            #expect(await bench.run(.pre) == .needsRecovery)
        }
    }

    @Test("does not keep post-snapshot from releasing")
    func whileReleasing() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            await bench.run(.pre)
            // Where the next write's temporary file should be.
            let id = try #require(try bench.openRuns().first?.id)
            try bench.scratch.folder("state/runs/\(id).json.tmp")
            #expect(await bench.run(.post) == .done)
            #expect(bench.world.count("release") == 1)
            #expect(try bench.openRuns().isEmpty)
            #expect(bench.log.text.contains("cannot write"))
        }
    }

    @Test("has pre-snapshot touch nothing when the run cannot be opened")
    func opening() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            // A folder where the lock file should be.
            try bench.scratch.folder("state/lock")
            #expect(await bench.run(.pre) == .usage)
            #expect(bench.world.count("freeze") == 0)
        }
    }
}
