import Glibc
import HostFixtures
import Hypervisor
import SnapshotManagers
import Synchronization
import TestSupport
import Testing

@testable import Engine
@testable import RunState

@Suite("A watchdog")
struct WatchdogTests {
    private func watch(
        _ bench: HookBench, _ run: Run, manager: ManagerProcess? = nil, within: Duration = .seconds(60)
    ) -> WatchdogPoll {
        WatchdogPoll(
            run: run.id, directory: bench.directory, overlayDirectory: bench.scratch.path, manager: manager,
            proc: "/proc", deadline: .now + within, maxHold: .seconds(60))
    }

    private func open(_ bench: HookBench, _ change: (inout Run) throws -> Void = { _ in }) throws -> Run {
        var record = try makeRecord("web01")
        record.freezeState = someHold
        var run = try makeRun(RunID.make(), machines: [record])
        try change(&run)
        try bench.directory.prepare()
        try bench.directory.write(run)
        return run
    }

    @Test("waits while all is well, and leaves when post-snapshot has ended the run")
    func waits() async throws {
        try await withBench { bench, _ async throws in
            let run = try open(bench)
            #expect(watch(bench, run).poll(isAskedToEnd: false).event == nil)
            let lock = try #require(try bench.directory.lock(run: run.id, waiting: false))
            // The run is post-snapshot's now, whatever the time.
            #expect(watch(bench, run, within: .zero).poll(isAskedToEnd: true).event == nil)
            withExtendedLifetime(lock) {}
            try bench.directory.remove(run.id)
            #expect(watch(bench, run).poll(isAskedToEnd: false).event == .over)
        }
    }

    @Test("releases when it is asked to end, and when the time is up")
    func releases() async throws {
        try await withBench { bench, _ async throws in
            let run = try open(bench)
            #expect(watch(bench, run).poll(isAskedToEnd: true).event == .release("the watchdog was asked to end"))
            #expect(
                watch(bench, run, within: .zero).poll(isAskedToEnd: false).event
                    == .release("post-snapshot did not come within 60 s"))
        }
    }

    @Test("ends the run of a hook that died, or whose manager is gone")
    func ends() async throws {
        try await withBench { bench, _ async throws in
            let run = try open(bench) { $0.phase = .freezing }
            #expect(watch(bench, run).poll(isAskedToEnd: false).event == .end("pre-snapshot died"))
            let releasing = try open(bench) { $0.phase = .releasing }
            #expect(watch(bench, releasing).poll(isAskedToEnd: false).event == .end("post-snapshot did not end it"))
            let frozen = try open(bench)
            let gone = ManagerProcess(id: getpid(), began: 1)
            #expect(
                watch(bench, frozen, manager: gone).poll(isAskedToEnd: false).event
                    == .end("the snapshot manager was gone"))
        }
    }

    @Test("waits with a run that holds nothing, but does not outstay max_hold; a pending thaw comes first")
    func holdsNothing() async throws {
        try await withBench { bench, _ async throws in
            let run = try open(bench) { $0.machines[0].freezeState = nil }
            #expect(watch(bench, run).poll(isAskedToEnd: false).event == nil)
            #expect(watch(bench, run).poll(isAskedToEnd: true).event == .end("the watchdog was asked to end"))
            #expect(
                watch(bench, run, within: .zero).poll(isAskedToEnd: false).event
                    == .end("post-snapshot did not come within 60 s"))
        }
    }

    private static let frozen = FreezeState(step: .switching, snapshot: "s", disks: someHold.disks, isThawPending: true)

    @Test(
        "thaws a guest that may be frozen at every look, whatever its disks are and whatever else there is to do",
        arguments: [
            FreezeState(step: .switching, snapshot: "s", disks: [], isThawPending: true), frozen,
            FreezeState(step: .switching, snapshot: "s", strategy: .pause, disks: []),
        ])
    func pendingThaw(freezeState: FreezeState) async throws {
        try await withBench { bench, _ async throws in
            let run = try open(bench) {
                $0.machines.append($0.machines[0])
                $0.machines[0].freezeState = freezeState
            }
            let quiet = watch(bench, run).poll(isAskedToEnd: false)
            #expect(quiet.event == nil && quiet.pending.map(\.freezeState) == [freezeState] && !quiet.isOwned)
            let late = watch(bench, run, within: .zero).poll(isAskedToEnd: false)
            #expect(late.event == .release("post-snapshot did not come within 60 s") && late.pending.count == 1)
            let asked = watch(bench, run).poll(isAskedToEnd: true)
            #expect(asked.event == .release("the watchdog was asked to end"))
            let gone = watch(bench, run, manager: ManagerProcess(id: getpid(), began: 1)).poll(isAskedToEnd: false)
            #expect(gone.event == .end("the snapshot manager was gone"))
        }
    }

    @Test("thaws in place of a hook that is stopped, but not of one that is at work")
    func overdue() async throws {
        try await withBench { bench, _ async throws in
            let run = try open(bench) { $0.machines[0].freezeState = Self.frozen }
            let lock = try #require(try bench.directory.lock(run: run.id, waiting: false))
            let duties = watch(bench, run, within: .zero).poll(isAskedToEnd: true)
            #expect(duties.event == nil && duties.pending.count == 1 && duties.isOwned)
            var overdue = OverdueGuests(limit: .seconds(10))
            let now = ContinuousClock.now
            #expect(overdue.due(duties, at: now).isEmpty && overdue.due(duties, at: now + .seconds(9)).isEmpty)
            #expect(overdue.due(duties, at: now + .seconds(11)).count == 1)
            // Another freeze has its own time.
            #expect(overdue.due(.init(isOwned: true), at: now + .seconds(12)).isEmpty)
            #expect(overdue.due(duties, at: now + .seconds(13)).isEmpty)
            var next = duties
            next.pending.append(try makeRecord("web02"))
            #expect(overdue.due(next, at: now + .seconds(24)).map(\.name) == ["web01"])
            withExtendedLifetime(lock) {}
            #expect(overdue.due(.init(pending: duties.pending), at: now + .seconds(14)).count == 1)
        }
    }

    @Test("leaves a guest its time to prepare, but not where the hook that is to thaw it is stopped")
    func preparing() async throws {
        try await withBench { bench, host async throws in
            let run = try open(bench) {
                $0.machines[0].freezeState = Self.frozen
                $0.machines[0].freezeState?.freezeSeconds = 60
            }
            let lock = try #require(try bench.directory.lock(run: run.id, waiting: false))
            let now = ContinuousClock.now
            var overdue = OverdueGuests(limit: .seconds(10))
            let inode = try #require(bench.directory.lockFileNumber(run: run.id))
            for (state, isStopped) in [("S", false), ("T", true)] {
                try host.scratch.write("proc/locks", "1: FLOCK  ADVISORY  WRITE 4711 08:01:\(inode) 0 EOF\n")
                let zeros = Array(repeating: "0", count: 20).joined(separator: " ")
                try host.scratch.write("proc/4711/stat", "4711 (pre-snap) T) \(state) 1 \(zeros)\n")
                var watch = watch(bench, run, within: .zero)
                watch.proc = host.scratch.path + "/proc"
                let duties = watch.poll(isAskedToEnd: false)
                #expect(duties.isOwned && duties.isOwnerStopped == isStopped)
                #expect(overdue.due(duties, at: now).count == (isStopped ? 1 : 0))
                #expect(overdue.due(duties, at: now + .seconds(69)).count == (isStopped ? 1 : 0))
                #expect(isStopped || overdue.due(duties, at: now + .seconds(71)).count == 1)
            }
            withExtendedLifetime(lock) {}
        }
    }

    private static let standing: FreezeState = {
        var state = FreezeState(step: .held, snapshot: "s", strategy: .freeze, disks: [], isThawPending: true)
        state.frozenFileSystems = 2
        state.stoppedAt = 0
        return state
    }()

    private func openTwo(_ bench: HookBench, _ first: FreezeState = standing) throws -> Run {
        try open(bench) { run in
            run.machines = try [makeRecord("silent"), makeRecord("web01")]
            run.machines[0].freezeState = Self.standing
            run.machines[1].freezeState = first
        }
    }

    @Test("does not wait for a guest that does not answer, nor asks it twice at a time")
    func silent() async throws {
        try await withBench { bench, _ async throws in
            let run = try openTwo(bench)
            bench.world.change { behaviour in
                behaviour.thaw = { id in
                    if id == "id-of-silent" { try await Task.sleep(for: .seconds(20)) }
                    return 2
                }
            }
            let guests = OverdueRelease(
                run: run.id, configuration: try bench.configuration, context: bench.context())
            let begin = ContinuousClock.now
            await guests.ask(run.machines, because: "it took long")
            #expect(begin.duration(to: .now) < .seconds(15))
            #expect(try await eventually { try bench.directory.read(run.id).machines[1].freezeState == nil })
            await guests.ask(try bench.directory.read(run.id).machines, because: "it took long")
            let now = try bench.directory.read(run.id).machines
            #expect(now.map { $0.freezeState == nil } == [false, true])
            #expect(now.map(\.consistency) == [.quiesced, .quiesced] && now[1].earlyRelease?.reason == "it took long")
            #expect(bench.world.count("thaw") == 2)
        }
    }

    @Test("notes the first answer when another process has left the run, unless that has changed the VM")
    func notedLater() async throws {
        try await withBench { bench, _ async throws in
            let run = try openTwo(bench)
            bench.world.change { [world = bench.world] behaviour in
                behaviour.thaw = { id in world.count("thaw \(id)") <= 1 ? 2 : 0 }
            }
            let guests = OverdueRelease(
                run: run.id, configuration: try bench.configuration, context: bench.context())
            try await {
                let lock = try #require(try bench.directory.lock(run: run.id, waiting: false))
                for _ in 1...500
                where run.machines.contains(where: { bench.world.count("thaw \($0.id)") < 2 }) {
                    await guests.ask(run.machines, because: "it took long")
                    try await Task.sleep(for: .milliseconds(20))
                }
                var changed = run
                changed.machines[0].freezeState?.frozenFileSystems = 3
                try bench.directory.write(changed)
                withExtendedLifetime(lock) {}
            }()
            for _ in 1...500 where try bench.directory.read(run.id).machines[1].freezeState != nil {
                await guests.ask([])
                try await Task.sleep(for: .milliseconds(20))
            }
            let now = try bench.directory.read(run.id).machines
            #expect(now.map { $0.freezeState == nil } == [false, true])
            #expect(now[1].consistency == .quiesced && now[1].notes.isEmpty)
        }
    }

    @Test("asks a guest that stands still again and again while it releases another VM")
    func besideRelease() async throws {
        try await withBench { bench, host async throws in
            let run = try openTwo(bench, someHold)
            bench.has(host.web("silent"), host.web())
            let asked = Mutex(0)
            bench.world.change { [world = bench.world] behaviour in
                behaviour.thaw = { _ in
                    if world.count("thaw") < 6 { throw refusal(.stop) }
                    return 2
                }
                behaviour.release = { _, record in
                    _ = try await eventually { world.count("thaw") >= 6 }
                    asked.withLock { $0 = world.count("thaw") }
                    try await record(nil)
                }
            }
            let watchdog = Watchdog(
                run: run.id, manager: ManagerProcess(id: getpid(), began: 1), context: bench.context(),
                configuration: try bench.configuration)
            #expect(await watchdog.watch() == .done)
            #expect(asked.withLock { $0 } >= 6)
            #expect(try bench.openRuns().isEmpty)
        }
    }

    @Test("needs room only where overlays grow: not for VMs of a server, nor of a host with a folder of that name")
    func room() async throws {
        try await withBench { bench, _ async throws in
            func event(at overlay: String, elsewhere: Bool = false) throws -> WatchdogPoll.Event? {
                let run = try open(bench) {
                    $0.machines[0].freezeState?.disks = [
                        OverlayDisk(target: "vda", base: "/b", baseFormat: "raw", overlay: overlay)
                    ]
                }
                var watch = watch(bench, run)
                watch.freeSpace = { _ in (9, 100) }
                if elsewhere { watch.elsewhere = Set(run.machines.map(\.hypervisor)) }
                return watch.poll(isAskedToEnd: false).event
            }
            #expect(try event(at: "/elsewhere/a.qcow2") == nil)
            #expect(try event(at: bench.scratch.path + "/a.qcow2", elsewhere: true) == nil)
            #expect(
                try event(at: bench.scratch.path + "/a.qcow2")
                    == .releaseForSpace(Set(try bench.openRuns().flatMap(\.machines).map(\.key)), Self.shortage(bench)))
        }
    }

    private static func shortage(_ bench: HookBench) -> String {
        "less than a tenth of \(bench.scratch.path) was free"
    }

    @Test(
        "releases the VMs with the largest overlays, as few as will do, and of the others when that did not help",
        arguments: [
            (9, [], ["b"]), (5, [], ["b"]), (2, [], ["b", "d"]), (0, [], ["b", "d", "a"]), (9, ["b"], ["d"]),
            (2, ["b", "d"], ["a", "c"]), (9, ["a", "b", "c", "d"], ["b"]),
        ] as [(UInt64, [String], [String])])
    func largest(free: UInt64, tried: [String], expected: [String]) async throws {
        try await withBench { bench, _ async throws in
            let folder = bench.scratch.path
            let sizes: [String: UInt64] = ["a": 2, "b": 5, "c": 1, "d": 3]
            let run = try open(bench) { run in
                run.machines = try sizes.keys.sorted().map { name in
                    var record = try makeRecord(name)
                    record.freezeState = someHold
                    record.freezeState?.disks = [
                        OverlayDisk(target: "vda", base: "/b", baseFormat: "raw", overlay: "\(folder)/\(name)")
                    ]
                    return record
                }
            }
            func keys(_ names: [String]) -> Set<VMKey> {
                Set(run.machines.filter { names.contains($0.name) }.map(\.key))
            }
            var watch = watch(bench, run)
            watch.freeSpace = { _ in (free, 100) }
            watch.fileSize = { path in sizes[String(path.suffix(1))] ?? 0 }
            #expect(
                watch.poll(isAskedToEnd: false, tried: keys(tried)).event
                    == .releaseForSpace(keys(expected), Self.shortage(bench)))
        }
    }

    @Test("finds the manager among the hook's ancestors by its name, and knows when its number is another's")
    func manager() throws {
        try withScratchFolder { scratch in
            func stat(_ id: pid_t, _ name: String, parent: pid_t, began: String = "77") throws {
                let zeros = Array(repeating: "0", count: 17).joined(separator: " ")
                try scratch.write("proc/\(id)/stat", "\(id) (\(name)) S \(parent) \(zeros) \(began) 0 0\n")
            }
            try stat(getppid(), "sh ) (x", parent: 4242)
            try stat(4242, "sanoid", parent: 1)
            let proc = scratch.path + "/proc"
            let found = try #require(ManagerProcess.find(.sanoid, proc: proc))
            #expect(found == ManagerProcess(id: 4242, began: 77))
            #expect(ManagerProcess(text: found.text) == found)
            #expect(ManagerProcess.find(.zrepl, proc: proc) == nil && ManagerProcess.find(.byHand, proc: proc) == nil)
            #expect(found.isAlive(proc: proc))
            try stat(4242, "sanoid", parent: 1, began: "99")
            #expect(!found.isAlive(proc: proc))
        }
    }

    @Test(
        "knows each manager's process, as it is and as nixpkgs wraps it; zfs-autobackup's, too, which tells its hooks nothing",
        arguments: [
            (SnapshotManager.sanoid, "sanoid"), (.sanoid, ".sanoid-wrapped"), (.zfsAutoSnapshot, "zfs-auto-snapsh"),
            (.zrepl, "zrepl"), (.znapzend, "znapzend"), (.znapzend, ".znapzend-wrapp"), (.byHand, "zfs-autobackup"),
        ])
    func managerNames(manager: SnapshotManager, name: String) throws {
        try withScratchFolder { scratch in
            let zeros = Array(repeating: "0", count: 17).joined(separator: " ")
            try scratch.write("proc/\(getppid())/stat", "\(getppid()) (\(name)) S 1 \(zeros) 77 0 0\n")
            let found = ManagerProcess.find(manager, proc: scratch.path + "/proc")
            #expect(found == ManagerProcess(id: getppid(), began: 77))
        }
    }

    @Test("is its own manager where it takes the snapshot itself")
    func ownManager() throws {
        let found = try #require(ManagerProcess.find(.stillpoint, proc: "/proc"))
        #expect(found.id == getpid() && found.isAlive(proc: "/proc"))
    }
}
