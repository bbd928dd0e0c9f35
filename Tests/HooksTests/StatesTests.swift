import HostFixtures
import Hypervisor
import TestSupport
import Testing

@testable import Engine
@testable import RunState

@Suite("The page of states")
struct StatesTests {
    private static let page = "docs/states.md"

    /// All that a VM may have come to when recovery meets it.
    private static let holds: [FreezeState] = {
        var holds: [FreezeState] = []
        for step in [FreezeState.Step.preparing, .switching, .held, .releasing, .released] {
            for isThawPending in [false, true] {
                for isPaused in [false, true] {
                    for progress in [nil, OverlayDisk.Progress.committing, .pivotRequested, .undecided, .committed] {
                        var freezeState = someHold
                        (freezeState.step, freezeState.isThawPending, freezeState.isPausedForCommit) = (
                            step, isThawPending, isPaused
                        )
                        freezeState.disks[0].progress = progress
                        holds.append(freezeState)
                    }
                }
            }
        }
        return holds
    }()

    private func open(_ bench: HookBench, _ row: [String: String], _ holds: [FreezeState]) throws -> Run {
        let who = row["who is there"] ?? ""
        let isYoung = who.hasSuffix("young") || who == "watchdog"
        var run = try makeRun(
            isYoung ? RunID.make() : "20200101T000000Z-000001",
            machines: holds.indices.map { index in
                var record = try makeRecord("vm\(index)")
                record.freezeState = holds[index]
                return record
            })
        run.phase = try #require(row["phase"].flatMap { Run.Phase(rawValue: $0) })
        if row["early release"] == "yes" { run.earlyRelease = EarlyRelease(began: 1, reason: "a test") }
        try bench.directory.prepare()
        try bench.directory.write(run)
        return run
    }

    @Test("says what recovery does in each row of its table, whatever its VMs have come to")
    func rows() async throws {
        let table = try MarkdownTable(["phase", "early release", "who is there", "recovery"], in: Self.page)
        #expect(table.rows.count >= 14)
        for row in table.rows {
            try await withBench { bench, _ async throws in
                let run = try open(bench, row, Self.holds)
                let directory = bench.directory
                let who = row["who is there"] ?? ""
                let guardLock = who == "watchdog" ? try directory.lock(watchdogOf: run.id) : nil
                var lock = who.hasPrefix("a process") ? try directory.lock(run: run.id, waiting: false) : nil
                var ending: Task<Void, any Error>?
                if who == "a process that ends it" {
                    let held = lock
                    lock = nil
                    ending = Task {
                        try await Task.sleep(for: .milliseconds(300))
                        try directory.remove(run.id)
                        withExtendedLifetime(held) {}
                    }
                }
                var recovery = Recovery(
                    context: bench.context(), configuration: try bench.configuration, configurationPath: nil)
                recovery.watchdogDelay = .milliseconds(200)
                #expect(try await recovery.recover(), "\(row)")
                let released = bench.world.count("release")
                switch row["recovery"] {
                case "released":
                    #expect(released == Self.holds.count, "\(row)")
                    for (index, freezeState) in Self.holds.enumerated() {
                        var thawed = freezeState
                        thawed.isThawPending = false
                        // The journal has it before the back end is asked; nothing but the thaw was noted meanwhile.
                        #expect(bench.world.journal["vm\(index)"]??.freezeState == thawed, "\(row)")
                    }
                    #expect(try bench.openRuns().isEmpty, "\(row)")
                case "not touched":
                    #expect(released == 0, "\(row)")
                    #expect(try bench.openRuns() == [run], "\(row)")
                case "waited for":
                    #expect(released == 0, "\(row)")
                    #expect(try bench.openRuns().isEmpty, "\(row)")
                    #expect(bench.log.text.contains("is being ended by"), "\(row)")
                default:
                    Issue.record("\(row)")
                }
                try await ending?.value
                withExtendedLifetime((guardLock, lock)) {}
            }
        }
    }

    @Test(
        "keeps a run open, as it was, whose release fails",
        arguments: [FreezeState.Step.preparing, .switching, .held, .releasing])
    func fails(step: FreezeState.Step) async throws {
        try await withBench { bench, _ async throws in
            var freezeState = someHold
            freezeState.step = step
            let row = ["phase": "releasing", "early release": "no", "who is there": "nobody"]
            let run = try open(bench, row, [freezeState])
            bench.world.change { $0.release = { _, _ in throw refusal(.stop, "not now") } }
            let recovery = Recovery(
                context: bench.context(), configuration: try bench.configuration, configurationPath: nil)
            #expect(try await !recovery.recover())
            #expect(try bench.directory.read(run.id).machines[0].freezeState == freezeState)
        }
    }

    @Test("names each phase of a run")
    func phases() throws {
        let table = try MarkdownTable(["phase", "written by", "what is held"], in: Self.page)
        #expect(
            table.rows.compactMap { $0["phase"] }
                == [Run.Phase.freezing, .frozen, .releasing, .released].map { "`\($0.rawValue)`" })
    }
}
