import HostFixtures
import Hypervisor
import Synchronization
import TestSupport
import Testing

@testable import Engine
@testable import Operator
@testable import RunState

@Suite("What check says of guests")
struct GuestCheckTests {
    private static let mute = StrategyObstacle(
        .agentMissing, "the VM has no guest agent channel", fix: "give it one")

    private func findings(_ bench: HookBench) async throws -> [CheckReport.FoundItem] {
        let configuration = try bench.configuration
        let context = bench.context()
        let report = try await PreflightCheck(
            configuration: configuration, context: context, hypervisors: Hypervisors(configuration, context)
        ).run()
        return report.findings.filter { $0.code.rawValue.hasPrefix("SP3") }
    }

    /// Each strategy that is asked for fails so.
    private func fails(_ bench: HookBench, _ obstacles: [Strategy: StrategyObstacle]) {
        bench.world.change { $0.obstacles = { asked, _ in obstacles.filter { asked.contains($0.key) } } }
    }

    @Test("is nothing of VMs that would get what they are to get, or to which nothing is done")
    func well() async throws {
        let sections = "[vm plain]\nstrategy = crash-consistent\n[vm out]\nstrategy = ignore"
        try await withBench(sections: sections) { bench, host async throws in
            bench.has(host.web(), host.web("plain"), host.web("out"), host.web("idle", power: .off))
            bench.world.change {
                $0.obstacles = { asked, machine in
                    machine.name == "web01" ? [:] : Dictionary(uniqueKeysWithValues: asked.map { ($0, Self.mute) })
                }
            }
            #expect(try await findings(bench) == [])
        }
    }

    @Test(
        "names the strategy that fails, why, the way out, and what the VM gets instead",
        arguments: [
            (
                "quiesce",
                "web01: quiesce would fail: the VM has no guest agent channel; now it would get: crash-consistent only"
            ),
            (
                "quiesce, freeze, pause",
                "web01: quiesce and freeze would fail: the VM has no guest agent channel; now it would get: pause"
            ),
        ])
    func first(strategies: String, what: String) async throws {
        try await withBench(general: "strategy = \(strategies)") { bench, host async throws in
            bench.has(host.web())
            fails(bench, [.quiesce: Self.mute, .freeze: Self.mute])
            let found = try await findings(bench)
            #expect(found.map(\.what) == [what])
            #expect(found.map(\.code) == [.agentMissing] && found.map(\.fix) == ["give it one"])
            #expect(await bench.operating.check() == .failed)
        }
    }

    @Test(
        "asks of each run with the disks that it snapshots",
        arguments: [
            ("[tank/VM]\nLINES[tank/other]\nLINES", ["vda", "vdb"]), ("[tank/VM]\nLINES", ["vda"]),
            ("[tank]\nrecursive = zfs\nLINES", []), ("", []),
        ])
    func runs(conf: String, held: [String]) async throws {
        try await withCheckedBench(general: "strategy = memory") { bench async throws in
            let host = bench.pool.host
            let disks = (host.disk("vda", "tank/VM/db.raw"), host.disk("vdb", "tank/other/db.raw"))
            bench.bench.has(host.machine("db", disks.0, disks.1))
            try bench.sanoid(conf.split(separator: "LINES").joined(separator: bench.lines))
            bench.pool.world.change {
                $0.obstacles = { _, machine in
                    let targets = machine.disks.map(\.target).joined(separator: "+")
                    return machine.disks.count == 2
                        ? [:] : [.memory: StrategyObstacle(.diskUnsupported, "only \(targets)")]
                }
            }
            let found = try await bench.report().findings.filter { $0.code == .shapeUnsupported }
            #expect(
                found.map(\.what)
                    == held.map { "db: memory would fail: only \($0); now it would get: crash-consistent only" })
        }
    }

    @Test(
        "says what becomes of the snapshot where on_failure = abort",
        arguments: [
            ("", "now nothing there would be snapshotted consistently (on_failure = abort)"),
            (
                "no_inconsistent_snapshot = yes",
                "now tank/VM would get no snapshot because of it (on_failure = abort, no_inconsistent_snapshot)"
            ),
        ])
    func abort(line: String, end: String) async throws {
        try await withCheckedBench(general: "strategy = quiesce\non_failure = abort") { bench async throws in
            try bench.sanoid(adding: line)
            bench.pool.world.change { $0.obstacles = { _, _ in [.quiesce: Self.mute] } }
            let found = try await bench.report().findings.filter { $0.code == .agentMissing }
            #expect(found.map(\.what) == ["web01: quiesce would fail: the VM has no guest agent channel; \(end)"])
        }
    }

    @Test("of a strategy further down the list is a note")
    func later() async throws {
        try await withBench(general: "strategy = pause, quiesce") { bench, host async throws in
            bench.has(host.web())
            fails(bench, [.quiesce: Self.mute])
            let found = try await findings(bench)
            #expect(found.map(\.code) == [.fallbackImpossible] && found.map(\.severity) == [.note])
            #expect(await bench.operating.check() == .done)
        }
    }

    @Test(
        "has a code for each reason",
        arguments: [
            (ReasonCode.agentMissing, FindingCode.agentMissing), (.agentSilent, .agentSilent),
            (.agentRefuses, .agentRefuses), (.vmPaused, .machinePaused), (.vmBusy, .machineBusy),
            (.unreachable, .machineSilent), (.deviceUnsupported, .shapeUnsupported),
            (.diskUnsupported, .shapeUnsupported), (.shutdownIgnored, .shutdownImpossible),
            (.callFailed, .strategyImpossible),
        ])
    func codes(reason: ReasonCode, code: FindingCode) async throws {
        try await withBench(general: "strategy = quiesce") { bench, host async throws in
            bench.has(host.web())
            fails(bench, [.quiesce: StrategyObstacle(reason, "so")])
            #expect(try await findings(bench).map(\.code) == [code])
        }
    }

    @Test("says of a paused VM what the back end knows better, once")
    func paused() async throws {
        try await withBench(general: "strategy = memory, quiesce") { bench, host async throws in
            bench.has(host.web(power: .paused))
            let obstacle = StrategyObstacle(.vmPaused, "the VM is paused", fix: "virsh resume web01")
            fails(bench, [.quiesce: obstacle, .memory: obstacle])
            let found = try await findings(bench)
            #expect(found.map(\.code) == [.machinePaused] && found.map(\.fix) == ["virsh resume web01"])
            fails(bench, [:])
            #expect(try await findings(bench).map(\.code) == [.machinePaused])
        }
    }

    @Test("is one finding for a disk's shape or a program, which others tell of")
    func once() async throws {
        try await withBench(general: "strategy = quiesce") { bench, host async throws in
            let disk = Disk(
                target: "vda", chain: [host.scratch.path + "/tank/VM/a.raw"], format: "raw", refusal: "vda is encrypted"
            )
            bench.has(VirtualMachine(id: "1", name: "a", power: .running, disks: [disk]))
            fails(bench, [.quiesce: StrategyObstacle(.diskUnsupported, "vda is encrypted")])
            #expect(try await findings(bench).map(\.code) == [.diskRefused])
        }
        try await withBench(general: "strategy = exec:/nonexistent/program") { bench, host async throws in
            bench.has(host.web())
            #expect(try await findings(bench) == [])
            #expect(await bench.operating.check() == .failed)
        }
    }

    @Test("asks a hypervisor that does not answer no more, and names it once")
    func silent() async throws {
        try await withBench(general: "strategy = quiesce\nmax_parallel = 4") { bench, host async throws in
            let machines = (1...1000).map { host.web("vm\($0)") }
            bench.world.change { $0.list = { machines } }
            let counter = Counter()
            bench.world.change {
                $0.obstacles = { _, _ in
                    counter.add()
                    throw HypervisorError(.timedOut, "reading it took longer than 5 s", remedy: .stop)
                }
            }
            let found = try await findings(bench)
            #expect(found.map(\.code) == [.guestUnknown] && found[0].what.contains("and 997 more"), "\(found)")
            #expect(counter.count <= 4)
        }
    }

    @Test("names VMs that run at once under one name")
    func names() async throws {
        try await withBench { bench, host async throws in
            func twin(_ id: String, _ name: String, _ power: VirtualMachine.PowerState = .running) -> VirtualMachine {
                VirtualMachine(id: id, name: name, power: power, disks: [host.disk("vda", "tank/VM/\(id).raw")])
            }
            bench.has(twin("1", "db"), twin("2", "db"), twin("3", "web"), twin("4", "web", .off))
            let found = try await findings(bench)
            #expect(found.map(\.code) == [.nameShared] && found[0].severity == .warning)
            #expect(found[0].what == "2 running VMs on tank/VM are called db: 1 of local, 2 of local")
        }
    }

    @Test("leaves out VMs that an open run holds")
    func held() async throws {
        try await withBench(general: "strategy = quiesce") { bench, host async throws in
            bench.has(host.web())
            fails(bench, [.quiesce: Self.mute])
            try bench.directory.prepare()
            var record = try makeRecord("web01")
            record.freezeState = FreezeState(step: .held, snapshot: "s", disks: [])
            try bench.directory.write(makeRun(PoolBench.run, machines: [record]))
            #expect(try await findings(bench) == [])
        }
    }

    @Test("keeps to one line whatever a VM is called")
    func hostile() async throws {
        try await withBench(general: "strategy = quiesce") { bench, host async throws in
            let name = "a\n<script>\u{202E}\"';"
            bench.has(
                VirtualMachine(id: "1", name: name, power: .running, disks: [host.disk("vda", "tank/VM/a.raw")]))
            fails(bench, [.quiesce: StrategyObstacle(.callFailed, "so\nit \u{1B}[31mis")])
            let found = try await findings(bench)
            #expect(found.count == 1)
            #expect(
                found.allSatisfy {
                    !$0.line.contains("\n") && !$0.line.contains("\u{202E}") && !$0.line.contains("\u{1B}")
                })
        }
    }

    @Test("says what it waits for when that takes long, and nothing when it does not")
    func waiting() async throws {
        for (takes, isSaid) in [(Duration.milliseconds(1), false), (.milliseconds(300), true)] {
            let said = Lines()
            await whileWaiting(for: "the guests", within: .milliseconds(100), say: { said.add($0) }) {
                try? await Task.sleep(for: takes)
            }
            #expect(said.all == (isSaid ? ["waiting for the guests…"] : []))
        }
    }
}

private final class Counter: Sendable {
    private let value = Mutex(0)
    var count: Int { value.withLock { $0 } }
    func add() { value.withLock { $0 += 1 } }
}

private final class Lines: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    func add(_ line: String) { lines.withLock { $0.append(line) } }
}
