import Configuration
import HostFixtures
import Hypervisor
import TestSupport
import Testing

@testable import Engine
@testable import RunState

@Suite("What is expected of a VM's strategies")
struct ExpectedOutcomeTests {
    private static let mute = StrategyObstacle(.agentSilent, "the agent is asleep", fix: "wake it")

    @Test(
        "is what the first would give that has no obstacle",
        arguments: [
            ([.quiesce, .pause], [:], "quiesce", "wins, not tried"),
            ([.quiesce, .pause], [.quiesce: mute], "pause", "fails, wins"),
            ([.quiesce, .pause, .memory], [.quiesce: mute, .memory: mute], "pause", "fails, wins, fails"),
            ([.quiesce], [.quiesce: mute], "crash-consistent", "fails"),
            ([.quiesce, .crashConsistent], [.quiesce: mute], "crash-consistent", "fails, wins"),
        ] as [([Strategy], [Strategy: StrategyObstacle], String, String)])
    func winner(
        strategies: [Strategy], obstacles: [Strategy: StrategyObstacle], winner: String, outcomes: String
    ) {
        let expected = [ExpectedOutcome](strategies, .known(obstacles))
        #expect(expected.winner == winner)
        #expect(expected.map(\.outcome.rawValue).joined(separator: ", ") == outcomes)
        #expect(expected.lines.first == winner)
        #expect(expected.lines.count == obstacles.count + 1)
        for line in expected.lines.dropFirst() {
            #expect(line.hasSuffix(" would fail: the agent is asleep [agent-silent]; fix: wake it"))
        }
    }

    @Test(
        "is that all is released where the whole list fails and on_failure = abort",
        arguments: [
            ([.quiesce, .pause], "fails, aborts", true), ([.quiesce, .crashConsistent], "fails, wins", false),
            ([.quiesce, .freeze], "fails, wins", false),
        ] as [([Strategy], String, Bool)])
    func abort(strategies: [Strategy], outcomes: String, aborts: Bool) {
        let answer = ObstacleSurvey.Answer.known([.quiesce: Self.mute, .pause: Self.mute])
        let expected = [ExpectedOutcome](strategies, answer, onFailure: .abort)
        #expect(expected.map(\.outcome.rawValue).joined(separator: ", ") == outcomes)
        #expect(expected.aborts == aborts)
        #expect(expected.lines.first?.hasPrefix("on_failure = abort: nothing is snapshotted consistently") == aborts)
        #expect(expected.lines.count == expected.count { $0.message != nil } + 1)
    }

    @Test("is not known where the hypervisor does not tell, and nothing where it was not asked")
    func unknown() {
        let expected = [ExpectedOutcome]([.quiesce], .unknown("it hangs"))
        #expect(expected.winner == nil && expected.lines == ["not known: it hangs"])
        #expect([ExpectedOutcome]([.quiesce], nil).isEmpty)
    }

    @Test(
        "promises no overlay where no strategy wins that makes one",
        arguments: [
            (VirtualMachine.PowerState.running, ObstacleSurvey.Answer.known([:]), "overlay"),
            (.running, .known([.quiesce: mute]), "in place"), (.running, .unknown("it hangs"), "in place"),
            (.paused, .known([.quiesce: mute]), "in place"),
        ])
    func handling(power: VirtualMachine.PowerState, answer: ObstacleSurvey.Answer, handling: String) throws {
        try withHost { host in
            let configuration = try host.configuration("[stillpoint]\nstrategy = quiesce")
            let planner = Planner(
                scope: try host.scope(["tank/VM"], configuration), storage: try host.storage(),
                configuration: configuration)
            let hypervisor = FakeHypervisor(HypervisorSettings(name: "local", uri: "fake://plan"))
            let planned = try #require(planner.survey([host.web(power: power)], of: hypervisor).first)
            let entry = planner.entry(of: planned, answer)
            #expect(entry.disks.map(\.handling.rawValue) == [handling])
            #expect(entry.paragraph.contains("\n    expected:   "))
            #expect(entry.dryRunLines.contains { $0.hasPrefix("web01: expected now: ") })
        }
    }
}

@Suite("Asking why strategies would fail")
struct ObstacleSurveyTests {
    private func survey(
        _ general: String, _ machines: (HostFixture) -> [VirtualMachine],
        _ change: (inout FakeWorld.Behaviour) -> Void = { _ in },
        check: (HostFixture, [VMKey: ObstacleSurvey.Answer]) -> Void
    ) async throws {
        try await withBench(general: general) { bench, host async throws in
            bench.world.change(change)
            let configuration = try bench.configuration
            let planner = Planner(
                scope: try host.scope(["tank/VM"], configuration), storage: try host.storage(),
                configuration: configuration)
            let hypervisor = FakeHypervisor(HypervisorSettings(name: "local", uri: bench.world.uri))
            let plan = planner.plan(machines(host), of: hypervisor)
            let survey = ObstacleSurvey(maxParallel: 2, ramDirectory: configuration.ramDirectory)
            check(host, await survey.ask(plan))
        }
    }

    private func key(_ name: String) -> VMKey { VMKey("id-of-\(name)", of: "local") }

    @Test("asks of no VM that is at rest, and knows of a paused one without asking")
    func rest() async throws {
        try await survey("strategy = quiesce, pause") { host in
            [host.web("off", power: .off), host.web("asleep", power: .suspended), host.web("held", power: .paused)]
        } check: { _, answers in
            #expect(Set(answers.keys) == [key("held")])
            #expect(
                answers[key("held")] == .known([.quiesce: StrategyObstacle(.vmPaused, "the VM is paused")]))
        }
    }

    @Test("finds too little room in ram_dir for one run's VMs, and for none that an earlier strategy serves")
    func room() async throws {
        for (strategies, isShort) in [("memory, quiesce", true), ("quiesce, memory", false)] {
            try await survey("strategy = \(strategies)\nram_dir = SCRATCH/overlays") { host in
                let disk = host.disk("vda", "tank/VM/a.raw")
                return [VirtualMachine(id: "id-of-a", name: "a", power: .running, disks: [disk], memory: 1 << 60)]
            } check: { _, answers in
                guard case .known(let obstacles)? = answers[key("a")] else {
                    Issue.record("not asked")
                    return
                }
                #expect(obstacles[.memory]?.reason == (isShort ? .noRoom : nil))
            }
        }
    }

    @Test("says of a program what is wrong with it")
    func program() async throws {
        try await survey("strategy = exec:/nonexistent/program") {
            [$0.web()]
        } check: { _, answers in
            guard case .known(let obstacles)? = answers[key("web01")] else {
                Issue.record("not asked")
                return
            }
            #expect(obstacles.values.map(\.reason) == [.programFailed])
        }
    }

    @Test("says why nothing is known")
    func unknown() async throws {
        try await survey("strategy = quiesce") {
            [$0.web()]
        } _: {
            $0.obstacles = { _, _ in throw refusal(.fallBack, "it does not say") }
        } check: { _, answers in
            #expect(answers[key("web01")] == .unknown("it does not say"))
        }
    }
}
