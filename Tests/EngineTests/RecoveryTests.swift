import Glibc
import HostFixtures
import Hypervisor
import SnapshotManagers
import Support
import TestSupport
import Testing

@testable import Engine
@testable import RunState

@Suite("Recovery")
struct RecoveryTests {
    private static let old: RunID = "20200101T000000Z-000001"

    private func recovery(_ bench: HookBench) throws -> Recovery {
        Recovery(context: bench.context(), configuration: try bench.configuration, configurationPath: nil)
    }

    private func openRun(_ bench: HookBench, _ id: RunID, _ phase: Run.Phase = .frozen) throws -> Run {
        var record = try makeRecord("web01")
        record.freezeState = someHold
        var run = try makeRun(id, machines: [record])
        run.phase = phase
        try bench.directory.prepare()
        try bench.directory.write(run)
        return run
    }

    /// The run had a watchdog, which is gone.
    private func leaveDeadGuard(_ bench: HookBench, _ run: Run) throws {
        let lock = try #require(try bench.directory.lock(watchdogOf: run.id))
        withExtendedLifetime(lock) {}
    }

    @Test(
        "tells a run that somebody owns from one that nobody does",
        arguments: [
            (true, Run.Phase.frozen, RunStatus.awaited), (false, .frozen, .abandoned),
            (true, .freezing, .abandoned), (true, .releasing, .abandoned), (true, .released, .abandoned),
        ])
    func status(isYoung: Bool, phase: Run.Phase, expected: RunStatus) async throws {
        try await withBench { bench, _ async throws in
            let run = try openRun(bench, isYoung ? RunID.make() : Self.old, phase)
            #expect(try recovery(bench).status(of: run) == expected)
            let lock = try #require(try bench.directory.lock(run: run.id, waiting: false))
            #expect(try recovery(bench).status(of: run) == .owned)
            withExtendedLifetime(lock) {}
        }
    }

    @Test("decides by the watchdog's lock where there was a watchdog")
    func guarded() async throws {
        try await withBench { bench, _ async throws in
            let run = try openRun(bench, Self.old)
            let lock = try #require(try bench.directory.lock(watchdogOf: run.id))
            #expect(try recovery(bench).status(of: run) == .watched)
            #expect(try await recovery(bench).recover())
            #expect(bench.world.count("release") == 0)
            withExtendedLifetime(lock) {}
        }
        try await withBench { bench, _ async throws in
            let run = try openRun(bench, RunID.make())
            try leaveDeadGuard(bench, run)
            #expect(try recovery(bench).status(of: run) == .abandoned)
        }
    }

    @Test("says at last what a VM got where its pool is imported only after the host's boot")
    func latePool() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            try bench.scratch.write("creation", "\(time(nil) + 1)")
            await bench.run(.pre)
            let run = try #require(try bench.openRuns().first)
            try leaveDeadGuard(bench, run)
            try await Task.sleep(for: .milliseconds(2500))
            let existing = String(decoding: try readFile(bench.scratch.path + "/existing"), as: UTF8.self)
            try bench.scratch.write("existing", "")
            let letGo = bench.world.behaviour.release
            bench.world.change { $0.release = { _, _ in throw refusal(.stop, "its base is not there") } }
            #expect(try await !recovery(bench).recover())
            #expect(try bench.onlyRecord().consistency == .quiesced)
            try bench.scratch.write("existing", existing)
            bench.world.change { $0.release = letGo }
            #expect(try await recovery(bench).recover())
            #expect(try bench.zfs.stored().contains("tank/VM@daily stillpoint:consistency=quiesced"))
        }
    }

    @Test("does not touch what another run says on a snapshot that it took meanwhile")
    func anotherRuns() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            try bench.scratch.write("creation", "\(time(nil) + 1)")
            await bench.run(.pre, ["tank/VM@never"])
            let run = try #require(try bench.openRuns().first)
            try leaveDeadGuard(bench, run)
            let theirs = "tank/VM@daily stillpoint:run=20200101T000000Z-00000b"
            try bench.scratch.write("stored", theirs + "\n")
            try await Task.sleep(for: .milliseconds(2500))
            #expect(try await recovery(bench).recover())
            #expect(try bench.zfs.stored() == [theirs])
        }
    }

    private func isEnded(_ bench: HookBench, _ run: Run) async throws -> Bool {
        var recovery = try recovery(bench)
        recovery.watchdogDelay = .milliseconds(500)
        return try await recovery.recover()
    }

    @Test("waits for a watchdog that is ending a killed post's run, and says so")
    func ending() async throws {
        try await withBench { bench, _ async throws in
            let run = try openRun(bench, RunID.make(), .releasing)
            let guardLock = try #require(try bench.directory.lock(watchdogOf: run.id))
            #expect(try recovery(bench).status(of: run) == .ending)
            let directory = bench.directory
            let guarding = Task {
                let lock = try directory.lock(run: run.id, waiting: false)
                try await Task.sleep(for: .milliseconds(900))
                try directory.remove(run.id)
                withExtendedLifetime(lock) {}
            }
            try await Task.sleep(for: .milliseconds(100))
            #expect(try await isEnded(bench, run))
            try await guarding.value
            #expect(bench.world.count("release") == 0)
            #expect(bench.log.text.contains("is being ended by"))
            #expect(!bench.log.text.contains("waits for its post-snapshot"))
            withExtendedLifetime(guardLock) {}
        }
    }

    @Test("ends itself what a watchdog has failed at and does not touch for a while")
    func leftByGuard() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            let run = try openRun(bench, RunID.make(), .releasing)
            let guardLock = try #require(try bench.directory.lock(watchdogOf: run.id))
            #expect(try await isEnded(bench, run))
            #expect(bench.world.calls == ["release id-of-web01"])
            #expect(try bench.openRuns().isEmpty)
            withExtendedLifetime(guardLock) {}
        }
    }

    @Test("ends what nobody owns, marks the snapshots with what is true of them, and closes the run")
    func ends() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            _ = try openRun(bench, Self.old)
            #expect(try await recovery(bench).recover(isDryRun: true))
            #expect(bench.world.count("release") == 0)
            #expect(try await recovery(bench).recover())
            #expect(bench.world.calls == ["release id-of-web01"])
            #expect(try bench.openRuns().isEmpty)
        }
    }

    @Test("keeps a run open whose VM cannot be released, and says so")
    func fails() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            _ = try openRun(bench, Self.old)
            bench.world.change { $0.release = { _, _ in throw refusal(.stop, "it is on another host") } }
            #expect(try await recovery(bench).recover() == false)
            #expect(try bench.openRuns().first?.earlyRelease != nil)
            #expect(bench.log.text.contains("it is on another host"))
        }
    }

    @Test("comes before the freeze, once, when a VM of the plan was left on its overlay")
    func beforeFreeze() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            _ = try openRun(bench, Self.old)
            #expect(await bench.run(.pre) == .done)
            #expect(bench.world.calls == ["list", "release id-of-web01", "list", "freeze web01"])
        }
        try await withBench { bench, host async throws in
            bench.has(host.web())
            _ = try openRun(bench, Self.old)
            bench.world.change { $0.release = { _, _ in throw refusal(.stop, "it is on another host") } }
            #expect(await bench.run(.pre, ["--deadline", "10", "tank/VM@daily"]) == .done)
            #expect(bench.world.count("freeze") == 0)
            #expect(try bench.openRuns().contains { $0.id == Self.old })
        }
    }

    @Test("takes the name of a run, whoever owns it, and knows those that are not open")
    func named() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            let run = try openRun(bench, RunID.make())
            #expect(try await recovery(bench).recover(only: run.id.text))
            #expect(try bench.openRuns().isEmpty)
            await #expect(throws: UnknownRunError.self) { try await recovery(bench).recover(only: run.id.text) }
        }
    }

    /// When a snapshot was taken whose VM was released at second 1000, and what becomes of claim and RAM.
    enum Taken: CaseIterable {
        case later, earlier, sameSecond, missing, unnamed, unsaid

        var staysMemory: Bool { self == .earlier }
        var keepsRAM: Bool { self != .later }
    }

    @Test(
        "before the snapshot makes a VM crash-consistent, in doubt too; its RAM is deleted only where it is useless for sure",
        arguments: Taken.allCases)
    func early(taken: Taken) async throws {
        try await withPool { pool async throws in
            pool.bench.has(pool.host.web())
            var run = try openRun(pool.bench, RunID.make())
            let dump = try pool.dump()
            run.machines[0].consistency = .memory
            run.machines[0].ramDump = RAMDump(path: dump.path, bytes: dump.bytes)
            run.machines[0].freezeState = nil
            run.earlyRelease = EarlyRelease(began: 1000, reason: "the watchdog was asked to end")
            if taken == .unnamed { run.snapshots = [] }
            try pool.bench.directory.write(run)
            let seconds = taken == .later ? 1001 : taken == .earlier ? 999 : 1000
            if taken != .missing { try pool.pool.add("tank/VM@daily", ["creation": "\(seconds)"]) }
            if taken == .unsaid { try pool.pool.fail("^get.*creation") }
            #expect(try await recovery(pool.bench).recover(only: run.id.text))
            #expect(fileExists(dump.path) == taken.keepsRAM)
            let kept = try #require(pool.catalogue.read(run.id).machines.first)
            #expect(kept.consistency == (taken.staysMemory ? .memory : .crash))
            #expect((kept.dump != nil) == taken.keepsRAM)
            #expect(pool.log.text.contains("the watchdog was asked to end") != taken.staysMemory)
        }
    }

    @Test(
        "of one VM for its room is that VM's alone: the others keep what they got", arguments: [999, 1001] as [Int64])
    func earlyForRoom(taken: Int64) async throws {
        try await withPool { pool async throws in
            pool.bench.has(pool.host.web(), pool.host.web("web02"))
            var run = try openRun(pool.bench, RunID.make())
            // A snapshot that is older than the run is another run's.
            let began = try #require(runTime(run.id.text))
            var other = try makeRecord("web02")
            other.freezeState = someHold
            run.machines[0].consistency = .quiesced
            run.machines.append(other)
            try pool.bench.directory.write(run)
            let lock = try #require(try pool.bench.directory.lock(run: run.id, waiting: false))
            let journal = Journal(run, in: pool.bench.directory, lock: lock)
            let ending = RunCompletion(
                context: pool.bench.context(), configuration: try pool.bench.configuration, configurationPath: nil)
            await ending.release([run.machines[0].key], because: "it grew", journal)
            var left = try pool.bench.directory.read(run.id)
            #expect(left.machines.map { $0.freezeState == nil } == [true, false])
            #expect(left.machines.map { $0.earlyRelease?.reason } == ["it grew", nil])
            #expect(left.phase == .frozen && left.earlyRelease == nil)
            left.machines[0].earlyRelease = EarlyRelease(began: began + 1000, reason: "it grew")
            try pool.pool.add("tank/VM@daily", ["creation": "\(began + taken)"])
            #expect(try await ending.end(Journal(left, in: pool.bench.directory, lock: lock)))
            let kept = try pool.catalogue.read(run.id).machines
            #expect(kept.map(\.consistency) == [taken > 1000 ? .crash : .quiesced, .quiesced])
            #expect(pool.log.text.contains("released before the snapshot") == (taken > 1000))
        }
    }

    @Test("keeps the RAM of a pre-snapshot that was killed before it could tell of it")
    func untold() async throws {
        try await withPool { pool async throws in
            pool.bench.has(pool.host.web())
            var run = try openRun(pool.bench, Self.old, .freezing)
            let dump = try pool.dump()
            run.machines[0].consistency = nil
            run.machines[0].freezeState?.ramDump = dump.path
            try pool.bench.directory.write(run)
            try pool.pool.fail("^get")
            #expect(try await recovery(pool.bench).recover())
            #expect(fileExists(dump.path))
            let kept = try #require(pool.catalogue.read(run.id).machines.first)
            #expect(kept.consistency == .crash && kept.dump?.path == dump.path)
        }
    }

    @Test(
        "says that no snapshot was taken, of a pre-snapshot that was killed while it froze", arguments: [true, false])
    func killedFreezing(isTaken: Bool) async throws {
        try await withPool { pool async throws in
            pool.bench.has(pool.host.web())
            var run = try openRun(pool.bench, RunID.make(), .freezing)
            run.machines[0].consistency = nil
            try pool.bench.directory.write(run)
            if isTaken { try pool.pool.add("tank/VM@daily", ["creation": "\((run.id.time ?? 0) + 1)"]) }
            #expect(try await recovery(pool.bench).recover())
            let history = RunHistory(pool.bench.directory)
            let kept = history.entries(on: RunHistory.day(of: run.id))
            #expect(kept.map(\.outcome) == [isTaken ? .released : .untaken])
            #expect(kept.map(\.consistency) == [isTaken ? .crash : nil] && kept.map(\.reason) == [.unfinished])
        }
    }

    @Test("lowers no claim of a run that its post had released when it was killed", arguments: [true, false])
    func released(isWatchdog: Bool) async throws {
        try await withPool { pool async throws in
            pool.bench.has(pool.host.web())
            var run = try openRun(pool.bench, RunID.make(), .released)
            let dump = try pool.dump()
            run.machines[0].consistency = .memory
            run.machines[0].ramDump = RAMDump(path: dump.path, bytes: dump.bytes)
            run.machines[0].freezeState = nil
            try pool.bench.directory.write(run)
            try pool.pool.add("tank/VM@daily", ["creation": "1000"])
            try pool.pool.fail("^get")
            if isWatchdog {
                let guardian = Watchdog(
                    run: run.id, manager: nil, context: pool.bench.context(),
                    configuration: try pool.bench.configuration)
                #expect(await guardian.watch() == .done)
            } else {
                #expect(try await recovery(pool.bench).recover(only: run.id.text))
            }
            #expect(fileExists(dump.path))
            #expect(try pool.catalogue.read(run.id).machines.first?.consistency == .memory)
        }
    }
}
