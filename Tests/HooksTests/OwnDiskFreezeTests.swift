import Glibc
import HostFixtures
import Hypervisor
import SnapshotManagers
import Support
import Synchronization
import TestSupport
import Testing
import ZFS

@testable import Engine
@testable import Operator
@testable import RunState

@Suite("A strategy that leaves a VM on its own disks")
struct OwnDiskFreezeTests {
    private func withVM(
        _ strategy: String, _ body: (HookBench, HostFixture) async throws -> Void
    ) async throws {
        try await withBench(general: "strategy = \(strategy)\nshutdown_timeout = 1") { bench, host async throws in
            bench.has(host.web())
            try await body(bench, host)
        }
    }

    private func consistency(_ bench: HookBench) throws -> String? {
        try bench.zfs.stored().first { $0.hasPrefix("tank/VM@daily stillpoint:consistency=") }
            .map { String($0.split(separator: "=")[1]) }
    }

    @Test(
        "is journalled before it is begun, held until post-snapshot, and undone",
        arguments: [
            ("freeze", "fsfreeze web01", "thaw id-of-web01", "quiesced"),
            ("pause", "pause id-of-web01", "resume id-of-web01", "crash"),
            ("shutdown", "shutdown id-of-web01", "start id-of-web01", "off"),
        ])
    func wholeRun(strategy: String, freeze: String, release: String, got: String) async throws {
        try await withVM(strategy) { bench, _ async throws in
            #expect(await bench.run(.pre) == .done)
            #expect(bench.world.acts == ["list", freeze])
            let before = try #require(bench.world.journal["web01"] ?? nil)
            #expect(before.freezeState?.step == .switching && before.freezeState?.strategy?.rawValue == strategy)
            #expect(before.freezeState?.isThawPending == (strategy == "freeze"))
            let record = try bench.onlyRecord()
            #expect(
                record.freezeState?.step == .held && record.strategy?.rawValue == strategy && record.phase == .frozen)
            #expect(record.freezeState?.stoppedAt != nil)
            #expect(try bench.openRuns()[0].format == 3)
            #expect(await bench.run(.post) == .done)
            #expect(bench.world.acts == ["list", freeze, release])
            #expect(try consistency(bench) == got)
            #expect(try bench.openRuns().isEmpty)
        }
    }

    @Test(
        "falls back where the back end cannot do it, with that reason",
        arguments: ["freeze", "pause", "shutdown"])
    func incapable(strategy: String) async throws {
        try await withBench(
            general: "strategy = \(strategy), crash-consistent",
            sections: "[hypervisor vc]\nkind = vsphere\nurl = https://SCRATCH\nusername = a\npassword_file = SCRATCH/p"
        ) { bench, host async throws in
            let server = FakeWorld(uri: "https://\(host.scratch.path)", stateDirectory: bench.statePath)
            defer { server.forget() }
            let erp = try datastoreMachine("erp")
            server.change { $0.list = { [erp] } }
            #expect(await bench.run(.pre) == .done)
            let record = try bench.onlyRecord()
            #expect(record.consistency == .crash && record.freezeState == nil)
            #expect(record.fallbacks.count == 1 && record.fallbacks[0].reason.contains("[hypervisor vc] cannot"))
        }
    }

    // MARK: freeze

    @Test("claims nothing of a guest that thawed fewer file systems than it froze", arguments: [0, 1])
    func thawedBefore(count: Int) async throws {
        try await withVM("freeze") { bench, _ async throws in
            await bench.run(.pre)
            bench.world.change { $0.thaw = { _ in count } }
            #expect(await bench.run(.post) == .done)
            #expect(try consistency(bench) == "crash")
            #expect(bench.log.text.contains("had thawed before it was told to"))
            #expect(try bench.openRuns().isEmpty)
        }
    }

    @Test("keeps the claim where only the first thaw was lost")
    func thawLost() async throws {
        try await withVM("freeze") { bench, _ async throws in
            await bench.run(.pre)
            bench.world.change { behaviour in
                behaviour.thaw = { [world = bench.world] _ in
                    if world.count("thaw") == 1 { throw refusal(.retry) }
                    return 2
                }
            }
            #expect(await bench.run(.post) == .done)
            // Nobody could say so when the snapshots were told of it.
            #expect(try consistency(bench) == "crash")
            #expect(bench.world.count("thaw") == 2)
        }
    }

    @Test("is asked to thaw once more where its hypervisor is away for a moment")
    func awayForAMoment() async throws {
        try await withVM("freeze") { bench, _ async throws in
            await bench.run(.pre)
            bench.world.change { [world = bench.world] behaviour in
                behaviour.thaw = { _ in
                    if world.count("thaw") < 4 { throw LostConnection() }
                    return 2
                }
            }
            #expect(await bench.run(.post) == .done)
            #expect(bench.world.count("thaw") == 4)
        }
    }

    @Test("stays open, and says so, where the guest confirms no thaw")
    func neverThawed() async throws {
        try await withVM("freeze") { bench, _ async throws in
            await bench.run(.pre)
            bench.world.change { $0.thaw = { _ in throw refusal(.stop) } }
            #expect(await bench.run(.post) == .needsRecovery)
            let record = try bench.onlyRecord()
            #expect(record.freezeState?.isThawPending == true && record.consistency == .crash)
            bench.world.change { $0.thaw = { _ in 2 } }
            #expect(await bench.operating.recover(run: try bench.openRuns()[0].id.text) == .done)
            #expect(try bench.openRuns().isEmpty)
        }
    }

    @Test("is tried after all VMs that do not stand still")
    func last() async throws {
        try await withBench(
            general: "strategy = quiesce", sections: "[vm a*]\nstrategy = freeze\n[vm b*]\nstrategy = pause, quiesce"
        ) { bench, host async throws in
            bench.has(host.web("a1"), host.web("b1"), host.web("c1"), host.web("c2"))
            bench.world.change { behaviour in
                behaviour.pause = { _ in throw refusal(.fallBack) }
                let freeze = behaviour.freeze
                behaviour.freeze = { request, record in
                    try await Task.sleep(for: .milliseconds(200))
                    return try await freeze(request, record)
                }
            }
            #expect(await bench.run(.pre) == .done)
            let acts = bench.world.acts
            #expect(Set(acts[1...2]) == ["freeze c1", "freeze c2"])
            #expect(Set(acts[3...]) == ["fsfreeze a1", "pause id-of-b1", "freeze b1"])
        }
    }

    @Test("that fails undoes all where the policy says so")
    func abort() async throws {
        try await withBench(
            general: "strategy = quiesce\non_failure = abort",
            sections: "[vm a*]\nstrategy = freeze\n[vm b*]\nstrategy = pause\n[vm c*]\nstrategy = shutdown"
        ) { bench, host async throws in
            bench.has(host.web("a1"), host.web("b1"), host.web("c1"), host.web("d1"))
            bench.world.change { $0.freeze = { _, _ in throw refusal(.fallBack) } }
            #expect(await bench.run(.pre) == .failed)
            #expect(Set(bench.world.acts.suffix(3)) == ["thaw id-of-a1", "resume id-of-b1", "start id-of-c1"])
            #expect(try bench.openRuns().isEmpty)
        }
    }

    @Test("that fails releases those that stand still before what has to be committed")
    func abortsInOrder() async throws {
        try await withBench(
            general: "strategy = quiesce\non_failure = abort\nmax_parallel = 1",
            sections: "[vm b*]\nstrategy = freeze\n[vm c*]\nstrategy = pause"
        ) { bench, host async throws in
            bench.has(host.web("a1"), host.web("b1"), host.web("c1"))
            bench.world.change { $0.pause = { _ in throw refusal(.fallBack) } }
            #expect(await bench.run(.pre) == .failed)
            #expect(bench.world.acts.suffix(2) == ["thaw id-of-b1", "release id-of-a1"])
        }
    }

    @Test("that fails leaves what its manager does not wait for to the watchdog, and no snapshot is to be taken")
    func abortsLate() async throws {
        try await withBench(
            general: "strategy = quiesce\non_failure = abort", sections: "[vm b*]\nstrategy = pause"
        ) { bench, host async throws in
            bench.has(host.web("a1"), host.web("b1"))
            bench.world.change { behaviour in
                behaviour.pause = { _ in throw refusal(.fallBack) }
                behaviour.release = { _, _ in try await Task.sleep(for: .seconds(60)) }
            }
            #expect(await bench.run(.pre, ["--deadline", "10", "tank/VM@daily"]) == .failed)
            #expect(try bench.openRuns().map(\.phase) == [.releasing])
            #expect(bench.log.text.contains("the run's watchdog undoes what is left of it"))
        }
    }

    @Test("tells the watchdog of a guest that stands still while others take long")
    func tells() async throws {
        try await withBench(
            general: "strategy = freeze", sections: "[vm a*]\nstrategy = pause"
        ) { bench, host async throws in
            bench.has(host.web("a1"), host.web("b1"))
            let step = Mutex<FreezeState.Step?>(nil)
            bench.world.change { behaviour in
                behaviour.freezeFileSystems = { _ in
                    for _ in 1...250 where step.withLock({ $0 }) != .held {
                        try await Task.sleep(for: .milliseconds(20))
                        let now = try bench.openRuns().first?.machines.first?.freezeState
                        step.withLock { $0 = now?.step }
                    }
                    return FreezeResult(consistency: .quiesced, frozenFileSystems: 2)
                }
            }
            #expect(await bench.run(.pre) == .done)
            #expect(step.withLock { $0 } == .held)
        }
    }

    private struct LostConnection: Error {}

    @Test(
        "that failed in a way that nobody understands may have been carried out all the same, and is undone",
        arguments: [("freeze", "thaw id-of-web01"), ("pause", "resume id-of-web01"), ("shutdown", "start id-of-web01")])
    func lostAnswer(strategy: String, release: String) async throws {
        try await withVM("\(strategy), crash-consistent") { bench, _ async throws in
            bench.world.change { behaviour in
                behaviour.freezeFileSystems = { _ in throw LostConnection() }
                behaviour.pause = { _ in throw LostConnection() }
                behaviour.shutDown = { _ in throw LostConnection() }
            }
            #expect(await bench.run(.pre) == .done)
            bench.world.markStopped("id-of-web01")
            #expect(try bench.onlyRecord().freezeState?.strategy?.rawValue == strategy)
            #expect(await bench.run(.post) == .done)
            #expect(bench.world.acts.suffix(1) == [release])
            #expect(try consistency(bench) == "crash")
        }
    }

    @Test("tries the next strategy, and records nothing, where the guest is certain not to be frozen")
    func refused() async throws {
        try await withVM("freeze, pause") { bench, _ async throws in
            bench.world.change { $0.freezeFileSystems = { _ in throw refusal(.fallBack) } }
            #expect(await bench.run(.pre) == .done)
            let record = try bench.onlyRecord()
            #expect(record.strategy == .pause && record.fallbacks.map(\.reason) == ["the agent is asleep"])
            #expect(record.freezeState?.strategy == .pause && record.freezeState?.isThawPending == false)
        }
    }

    @Test("tries nothing else on a guest that may come to be frozen; it is asked to thaw")
    func doubtful() async throws {
        try await withVM("freeze, pause, crash-consistent") { bench, _ async throws in
            bench.world.change { $0.freezeFileSystems = { _ in throw refusal(.stop) } }
            #expect(await bench.run(.pre) == .done)
            let record = try bench.onlyRecord()
            #expect(record.strategy == .crashConsistent && record.freezeState?.isThawPending == true)
            #expect(await bench.run(.post) == .done)
            #expect(bench.world.acts.suffix(1) == ["thaw id-of-web01"])
            #expect(try consistency(bench) == "crash")
        }
    }

    // MARK: pause

    @Test("leaves a VM paused that was")
    func pausedBefore() async throws {
        try await withBench(general: "strategy = pause") { bench, host async throws in
            bench.has(host.web("web01", power: .paused))
            #expect(await bench.run(.pre) == .done)
            #expect(try bench.onlyRecord().freezeState == nil)
            #expect(await bench.run(.post) == .done)
            #expect(bench.world.acts == ["list"])
            #expect(try consistency(bench) == "crash")
        }
    }

    // MARK: shutdown

    @Test("claims nothing of a VM that somebody started in between, and leaves it running")
    func startedBetween() async throws {
        try await withVM("shutdown") { bench, _ async throws in
            await bench.run(.pre)
            bench.world.markStarted("id-of-web01")
            #expect(await bench.run(.post) == .done)
            #expect(try consistency(bench) == "crash")
            #expect(bench.log.text.contains("it was started between pre-snapshot and post-snapshot"))
        }
    }

    @Test("starts a VM that goes off too late for the snapshot")
    func late() async throws {
        try await withVM("shutdown, crash-consistent") { bench, _ async throws in
            bench.world.change { $0.shutDown = { _ in throw refusal(.stop, "the guest did not shut down in time") } }
            await bench.run(.pre)
            #expect(try bench.onlyRecord().freezeState?.step == .switching)
            bench.world.markStopped("id-of-web01")
            #expect(await bench.run(.post) == .done)
            #expect(bench.world.acts.suffix(1) == ["start id-of-web01"])
            #expect(try consistency(bench) == "crash")
        }
    }

    @Test("is not begun where the manager's time does not suffice for it", arguments: [("20", 0), ("100", 1)])
    func tooLittleTime(deadline: String, shutdowns: Int) async throws {
        try await withBench(general: "strategy = shutdown, crash-consistent\nshutdown_timeout = 60") {
            bench, host async throws in
            bench.has(host.web())
            #expect(await bench.run(.pre, ["--deadline", deadline, "tank/VM@daily"]) == .done)
            #expect(bench.world.count("shutdown") == shutdowns)
            let reasons = try bench.onlyRecord().fallbacks.map(\.reason)
            #expect(reasons.count == 1 - shutdowns && reasons.allSatisfy { $0.contains("script_timeout") })
        }
    }

    @Test(
        "keeps the run open for a guest that was asked to shut down and has not, until max_hold", arguments: [300, 1])
    func ignored(maxHold: Int) async throws {
        try await withVM("shutdown, crash-consistent\nmax_hold = \(maxHold)") { bench, _ async throws in
            bench.world.change { $0.shutDown = { _ in throw refusal(.stop, "the guest did not shut down in time") } }
            await bench.run(.pre)
            if maxHold == 1 { try await Task.sleep(for: .seconds(1)) }
            #expect(await bench.run(.post) == (maxHold == 1 ? .done : .needsRecovery))
            #expect(bench.world.count("start") == 0)
            guard maxHold > 1 else {
                #expect(bench.log.text.contains("should it still go off, start it"))
                return
            }
            #expect(try bench.onlyRecord().freezeState?.step == .switching)
            bench.world.markStopped("id-of-web01")
            #expect(await bench.operating.recover(run: try bench.openRuns()[0].id.text) == .done)
            #expect(bench.world.acts.suffix(1) == ["start id-of-web01"])
        }
    }

    @Test("stays open where the VM cannot be started")
    func startFails() async throws {
        try await withVM("shutdown") { bench, _ async throws in
            await bench.run(.pre)
            bench.world.change { $0.start = { _ in throw refusal(.stop, "no such network") } }
            #expect(await bench.run(.post) == .needsRecovery)
            #expect(bench.log.text.contains("not released: no such network"))
            #expect(try bench.onlyRecord().freezeState?.strategy == .shutdown)
        }
    }

    // MARK: watchdog

    @Test("lets a guest stand still no longer than freeze_limit, on either clock")
    func limit() throws {
        var limit = StandstillLimit(.seconds(10))
        var record = try makeRecord("a")
        record.freezeState = FreezeState(step: .held, snapshot: "s", strategy: .freeze, disks: [])
        record.freezeState?.stoppedAt = 1_000_000
        let now = ContinuousClock.now
        #expect(limit.due([record], at: now, unixTime: 1_000_500).isEmpty)
        #expect(limit.next([record], at: now, unixTime: 1_000_500) == .milliseconds(9500))
        #expect(limit.due([record], at: now + .seconds(9), unixTime: 1_009_999).isEmpty)
        #expect(limit.due([record], at: now + .seconds(9), unixTime: 1_010_000).count == 1)
        // The host's clock was put back.
        #expect(limit.due([record], at: now + .seconds(10), unixTime: 0).count == 1)
        #expect(limit.due([], at: now + .seconds(11), unixTime: 0).isEmpty)
        #expect(limit.next([], at: now, unixTime: 0) == nil)
    }
}
