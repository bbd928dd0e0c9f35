import HostFixtures
import Hypervisor
import SnapshotManagers
import Synchronization
import TestSupport
import Testing
import ZFS

@testable import Engine
@testable import RunState

@Suite("A VM that is stuck on its overlay")
struct StalenessTests {
    private static let id = RunID.young
    private static let frozenAt: Int64 = 1_795_258_800
    private static let overlay = "/o/web01.stillpoint.qcow2"

    /// On an overlay over its disk.
    private func stuck(
        _ host: HostFixture, power: VirtualMachine.PowerState = .running, run: String? = nil
    ) -> VirtualMachine {
        var disk = host.disk("vda", "overlays/o.qcow2", "tank/VM/web01.raw")
        disk.overlay = DiskOverlay(path: Self.overlay, run: run)
        return host.machine("web01", power: power, disk)
    }

    private func openRun(_ bench: HookBench, _ change: (inout Run) -> Void) throws {
        var record = try makeRecord("web01")
        record.freezeState = someHold
        var run = try makeRun(Self.id, machines: [record])
        run.frozenAt = Self.frozenAt
        change(&run)
        try bench.directory.prepare()
        try bench.directory.write(run)
    }

    private func newRecord(_ bench: HookBench) throws -> VMRecord {
        try #require(try bench.openRuns().last { $0.id != Self.id }?.machines.first)
    }

    /// Why another run's release is overdue.
    enum Overdue: String, CaseIterable {
        case releasing, released, early, earlyMachine, old
    }

    @Test("of a run past its release is stale since that run's freeze, and told so", arguments: Overdue.allCases)
    func overdue(overdue: Overdue) async throws {
        try await withBench { bench, host async throws in
            bench.has(stuck(host))
            bench.world.change { $0.release = { _, _ in throw refusal(.stop, "denied") } }
            try openRun(bench) { run in
                let early = EarlyRelease(began: 1, reason: "max_hold")
                switch overdue {
                case .releasing: run.phase = .releasing
                case .released: run.phase = .released
                case .early: run.earlyRelease = early
                case .earlyMachine: run.machines[0].earlyRelease = early
                case .old: break
                }
            }
            if overdue == .old {
                // Its watchdog lives, and has not come to it.
                let run = try bench.directory.read(Self.id)
                try bench.directory.remove(Self.id)
                let old = Run(
                    id: "20200101T000000Z-000001", manager: run.manager, targets: run.targets, recursiveTargets: [],
                    snapshots: run.snapshots, phase: .frozen, machines: run.machines, frozenAt: Self.frozenAt)
                try bench.directory.write(old)
            }
            let lock = try bench.directory.lock(
                run: overdue == .old ? "20200101T000000Z-000001" : Self.id, waiting: false)
            #expect(await bench.run(.pre, ["--deadline", "10", "tank/VM@daily"]) == .done)
            let record = try #require(try bench.openRuns().last?.machines.first)
            #expect(record.consistency == .stale)
            #expect(record.staleSince == Self.frozenAt)
            #expect(bench.world.count("freeze") == 0 && bench.world.kept == [])
            let said = "web01: stale since 2026-11-21T11:00:00Z: the snapshot holds nothing of what it wrote since"
            #expect(bench.log.text.contains(said))
            #expect(bench.log.text.contains("stillpoint recover"))
            withExtendedLifetime(lock) {}
        }
    }

    @Test("of a run whose post-snapshot is to come is stale too: that run's snapshot alone is of its freeze")
    func inItsTime() async throws {
        try await withBench { bench, host async throws in
            bench.has(stuck(host))
            try openRun(bench) { _ in }
            #expect(await bench.run(.pre, ["--deadline", "10", "tank/VM@daily"]) == .done)
            #expect(try newRecord(bench).consistency == .stale)
            #expect(try newRecord(bench).staleSince == Self.frozenAt)
            #expect(bench.log.text.contains("if it will not: stillpoint recover --run \(Self.id)"))
        }
    }

    @Test("but is seen on its own disks is not stale, whatever its run says")
    func onItsDisks() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            try openRun(bench) { $0.phase = .releasing }
            let lock = try bench.directory.lock(run: Self.id, waiting: false)
            #expect(await bench.run(.pre, ["--deadline", "10", "tank/VM@daily"]) == .done)
            #expect(try newRecord(bench).consistency == .crash)
            withExtendedLifetime(lock) {}
        }
    }

    @Test(
        "that no run knows is stale since the run began that made it, running or off",
        arguments: [.running, .off, .paused, .suspended] as [VirtualMachine.PowerState])
    func unknown(power: VirtualMachine.PowerState) async throws {
        try await withBench { bench, host async throws in
            bench.has(stuck(host, power: power, run: "20261121T110000Z-1f3c9a"))
            #expect(await bench.run(.pre) == .done)
            let record = try bench.onlyRecord()
            #expect(record.consistency == .stale)
            #expect(record.staleSince == Self.frozenAt)
            #expect(record.fellShort && record.reason == .stale && record.wanted == .quiesce)
            #expect(bench.world.calls == ["list"] && bench.world.kept == [])
            #expect(bench.log.text.contains("no open run has that overlay: stillpoint recover --adopt"))
        }
    }

    @Test(
        "is stale since its last good restore point where its overlay does not say more, else since nobody knows when")
    func lastGood() async throws {
        try await withBench { bench, host async throws in
            bench.has(stuck(host))
            try bench.directory.prepare()
            let catalogue = Catalogue(bench.directory)
            func keep(_ id: RunID, _ consistency: Consistency, missing: Bool = false) throws {
                let name = try SnapshotName("tank/VM@a")
                try catalogue.write(
                    RestorePoint(
                        makeRun(id, machines: [makeRecord("web01", consistency)]),
                        snapshots: [RestorePointSnapshot(name: name, guid: "1", wasMissing: missing ? true : nil)]))
            }
            let key = VMKey("id-of-web01", of: "local")
            #expect(catalogue.lastGood(key) == nil)
            #expect(await bench.run(.pre) == .done)
            #expect(try bench.onlyRecord().staleSince == nil)
            #expect(bench.log.text.contains("web01: stale: the snapshot holds nothing"))
            try keep("20261121T110000Z-000001", .crash)
            try keep("20261121T120000Z-000002", .stale)
            try keep("20261121T130000Z-000003", .quiesced, missing: true)
            #expect(catalogue.lastGood(key) == Self.frozenAt)
            #expect(catalogue.lastGood(VMKey("another", of: "local")) == nil)
        }
    }

    @Test("is a failure where on_failure = abort, and others are released")
    func abort() async throws {
        try await withBench(sections: "[tank/VM]\non_failure = abort") { bench, host async throws in
            bench.has(stuck(host), host.web("web02"))
            #expect(await bench.run(.pre) == .failed)
            #expect(bench.world.count("release") == 1)
        }
    }

    @Test("makes no other VM stale, and the snapshot says so of it, to its end")
    func whole() async throws {
        try await withBench { bench, host async throws in
            bench.has(stuck(host, run: "20261121T110000Z-1f3c9a"), host.web("web02"))
            #expect(await bench.run(.pre) == .done)
            #expect(await bench.run(.post) == .done)
            #expect(try bench.openRuns().isEmpty)
            let point = try #require(Catalogue(bench.directory).all().points.first)
            #expect(point.machines.map(\.consistency) == [.stale, .quiesced])
            #expect(point.machines[0].staleSince == Self.frozenAt)
            let stored = try bench.zfs.stored()
            #expect(stored.contains("tank/VM@daily stillpoint:vms=web01=stale:2026-11-21T11:00:00Z,web02=quiesced"))
            #expect(stored.contains("tank/VM@daily stillpoint:consistency=stale"))
        }
    }

    @Test("is not waited for until there is no time left to freeze the others")
    func others() async throws {
        try await withBench { bench, host async throws in
            bench.has(stuck(host), host.web("web02"))
            try openRun(bench) { $0.phase = .releasing }
            let lock = try bench.directory.lock(run: Self.id, waiting: false)
            let left = Mutex(Duration.zero)
            bench.world.change { behaviour in
                let freeze = behaviour.freeze
                behaviour.freeze = { request, record in
                    let rest = request.deadline.map { ContinuousClock.now.duration(to: $0) } ?? .zero
                    left.withLock { $0 = rest }
                    return try await freeze(request, record)
                }
            }
            #expect(await bench.run(.pre, ["--deadline", "20", "tank/VM@daily"]) == .done)
            let records = try bench.openRuns().last?.machines
            #expect(records?.map(\.consistency) == [.stale, .quiesced])
            #expect(left.withLock { $0 } > .milliseconds(1200))
            withExtendedLifetime(lock) {}
        }
    }

    @Test("is never raised by what lowers claims", arguments: Consistency.allCases)
    func lowering(consistency: Consistency) throws {
        var record = try makeRecord("web01", consistency)
        record.downgrade(to: .crash, because: .unfinished)
        #expect(record.consistency == (consistency == .stale ? .stale : .crash))
    }

    @Test(
        "is not read by a version that does not know the word: its files have another format",
        arguments: Consistency.allCases)
    func format(consistency: Consistency) throws {
        try withScratchFolder { scratch in
            let directory = StateDirectory(scratch.path + "/state")
            try directory.prepare()
            let run = try makeRun(Self.id, machines: [makeRecord("web01", consistency), makeRecord("web02")])
            try directory.write(run)
            let expected = consistency == .stale ? 2 : 1
            #expect(try directory.read(Self.id).format == expected)
            let point = RestorePoint(run, snapshots: [])
            #expect(point.format == expected)
            let catalogue = Catalogue(directory)
            try catalogue.write(point)
            #expect(try catalogue.read(Self.id) == point)
        }
    }
}

@Suite("A time in words")
struct UTCTextTests {
    @Test("is read as it was written", arguments: [0, 1_795_258_800, 951_782_400, 4_102_444_799] as [Int64])
    func both(time: Int64) {
        #expect(utcTime(utcText(time)) == time)
    }

    @Test(
        "is none in any other form",
        arguments: [
            "", "2026", "2026-11-21", "2026-11-21 11:00:00", "2026-13-21T11:00:00Z", "2026-11-21T11:00:00+01:00",
            "20261121T110000Z", "2026-11-21T11:00:00Zx", "日本語日本語日本語日本語",
        ])
    func others(text: String) {
        #expect(utcTime(text) == nil)
    }
}
