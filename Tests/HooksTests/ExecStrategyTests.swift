import Glibc
import HostFixtures
import Hypervisor
import SnapshotManagers
import Support
import TestSupport
import Testing
import ZFS

@testable import Engine
@testable import Operator
@testable import RunState

@Suite("The strategy exec:PATH")
struct ExecStrategyTests {
    /// A program that writes down its calls, and does what `freeze` and `release` say; `recover` answers.
    private static func script(
        _ scratch: ScratchFolder, freeze: String = answer("quiesced"), release: String = "echo '{\"version\":1}'",
        recover: String = "echo '{\"version\":1}'"
    ) throws {
        try scratch.write(
            "program",
            """
            #!/bin/sh
            cd \(scratch.path)
            echo $1 >>actions
            cat >request.$1
            case $1 in
            freeze) \(freeze) ;;
            release) \(release) ;;
            recover) \(recover) ;;
            esac

            """, mode: 0o755)
    }

    private static func answer(_ consistency: String, _ more: String = "") -> String {
        "echo '{\"version\":1,\"consistency\":\"\(consistency)\"\(more)}'"
    }

    private func withProgram(
        _ list: String = "exec:SCRATCH/program, crash-consistent", general: String = "",
        _ body: (HookBench, ScratchFolder) async throws -> Void
    ) async throws {
        try await withBench(general: "strategy = \(list)\n\(general)") { bench, host async throws in
            bench.has(host.web())
            try Self.script(host.scratch)
            try await body(bench, host.scratch)
        }
    }

    private func calls(_ scratch: ScratchFolder) throws -> [String] {
        String(decoding: try readFile(scratch.path + "/actions"), as: UTF8.self).split(separator: "\n").map(String.init)
    }

    private func request(_ action: String, _ scratch: ScratchFolder) throws -> String {
        String(decoding: try readFile(scratch.path + "/request.\(action)"), as: UTF8.self).filter {
            !" \n".contains($0)
        }
    }

    private func consistency(_ bench: HookBench) throws -> String? {
        try bench.zfs.stored().first { $0.hasPrefix("tank/VM@daily stillpoint:consistency=") }
            .map { String($0.split(separator: "=")[1]) }
    }

    @Test(
        "has the program freeze the VM before the snapshot and release it after",
        arguments: ["quiesced", "off", "crash"])
    func wholeRun(claim: String) async throws {
        try await withProgram { bench, scratch async throws in
            try Self.script(scratch, freeze: Self.answer(claim, ",\"state\":{\"lock\":7},\"notes\":[\"flushed\"]"))
            #expect(await bench.run(.pre) == .done)
            #expect(try calls(scratch) == ["freeze"])
            #expect(bench.world.acts == ["list"])
            let record = try bench.onlyRecord()
            #expect(record.strategy?.rawValue == "exec:\(scratch.path)/program")
            #expect(record.consistency?.rawValue == claim && record.notes == ["flushed"] && record.phase == .frozen)
            #expect(record.freezeState?.step == .held && record.freezeState?.programProcess == nil)
            #expect(try bench.openRuns()[0].format == 3)
            let asked = try request("freeze", scratch)
            #expect(
                asked.has(
                    "\"vm\":{\"datasets\":[\"tank/VM\"],\"disks\":[{\"format\":\"raw\",\"path\":\"\(scratch.path)/tank/VM/web01.raw\",\"target\":\"vda\"}],\"hypervisor\":\"local\",\"id\":\"id-of-web01\",\"name\":\"web01\"}"
                ), "\(asked)")
            #expect(await bench.run(.post) == .done)
            #expect(try calls(scratch) == ["freeze", "release"])
            let told = try request("release", scratch)
            #expect(told.has("\"state\":{\"lock\":7}") && told.has("\"snapshots\":[\"tank/VM@daily\"]"), "\(told)")
            #expect(try consistency(bench) == claim)
            #expect(try bench.openRuns().isEmpty)
        }
    }

    @Test("that fails is released at once, and the next strategy is tried")
    func fallBack() async throws {
        try await withProgram("exec:SCRATCH/program, quiesce") { bench, scratch async throws in
            try Self.script(scratch, freeze: "echo 'no database' >&2; exit 1")
            #expect(await bench.run(.pre) == .done)
            #expect(try calls(scratch) == ["freeze", "release"])
            let record = try bench.onlyRecord()
            #expect(record.strategy == .quiesce && record.freezeState?.strategy == nil)
            #expect(record.fallbacks[0].reason == "it ended with status 1: no database")
            #expect(await bench.run(.post) == .done)
            #expect(try consistency(bench) == "quiesced")
        }
    }

    @Test("that hangs is killed in time, and recovered after the snapshot where its release hangs too")
    func hangs() async throws {
        try await withProgram { bench, scratch async throws in
            try Self.script(scratch, freeze: "sleep 61", release: "sleep 62")
            let begin = ContinuousClock.now
            let zrepl = [
                "ZREPL_HOOKTYPE": "pre_snapshot", "ZREPL_FS": "tank/VM", "ZREPL_SNAPNAME": "daily",
                "ZREPL_TIMEOUT": "16",
            ]
            #expect(await bench.run(.pre, [], environment: zrepl) == .done)
            #expect(ContinuousClock.now - begin < .seconds(16))
            let record = try bench.onlyRecord()
            #expect(record.consistency == .crash && record.strategy == .crashConsistent)
            #expect(record.freezeState?.strategy == .exec(path: "\(scratch.path)/program"))
            let reason = record.fallbacks.first?.reason ?? ""
            #expect(reason.has("it did not end within") && reason.has("; its release"), "\(reason)")
            try Self.script(scratch)
            #expect(await bench.run(.post) == .done)
            #expect(try calls(scratch).first == "freeze" && calls(scratch).last == "recover")
            #expect(try bench.openRuns().isEmpty && consistency(bench) == "crash")
        }
    }

    @Test("lowers the claim where the program says so, or does not say anything after the snapshot")
    func lowered() async throws {
        try await withProgram { bench, scratch async throws in
            try Self.script(scratch, release: Self.answer("crash"))
            #expect(await bench.run(.pre) == .done)
            #expect(await bench.run(.post) == .done)
            #expect(try consistency(bench) == "crash")
            #expect(bench.log.text.contains("its program says that it was not held as it should have been"))
        }
        try await withProgram { bench, scratch async throws in
            // A claim is never raised.
            try Self.script(scratch, freeze: Self.answer("crash"), release: Self.answer("quiesced"))
            #expect(await bench.run(.pre) == .done)
            #expect(await bench.run(.post) == .done)
            #expect(try consistency(bench) == "crash")
        }
        try await withProgram { bench, scratch async throws in
            try Self.script(scratch, release: "kill -9 $$")
            #expect(await bench.run(.pre) == .done)
            #expect(await bench.run(.post) == .needsRecovery)
            let record = try bench.onlyRecord()
            #expect(record.consistency == .crash && record.freezeState?.step == .releasing)
            #expect(try consistency(bench) == "crash")
            #expect(
                bench.log.text.contains("not released: \(scratch.path)/program: release: it was killed by a signal"))
            #expect(await bench.operating.recover(run: try bench.openRuns()[0].id.text) == .done)
            #expect(try calls(scratch) == ["freeze", "release", "recover"])
            #expect(try bench.openRuns().isEmpty && consistency(bench) == "crash")
        }
    }

    @Test("is released by its program also where its hypervisor's section is gone")
    func foreign() async throws {
        try await withProgram { bench, scratch async throws in
            #expect(await bench.run(.pre) == .done)
            var run = try bench.openRuns()[0]
            var record = VMRecord(hypervisor: "gone", id: "x", name: "x", datasets: run.machines[0].datasets)
            record.freezeState = run.machines[0].freezeState
            record.consistency = .quiesced
            run.machines = [record]
            try bench.directory.write(run)
            #expect(await bench.run(.post) == .done)
            #expect(try calls(scratch) == ["freeze", "release"])
        }
    }

    @Test("is not begun by a program that others could change: exit code 2, and nothing is touched")
    func untrusted() async throws {
        try await withProgram("quiesce, exec:SCRATCH/program") { bench, scratch async throws in
            chmod(scratch.path + "/program", 0o775)
            #expect(await bench.run(.pre) == .usage)
            #expect(await bench.run(.pre, ["--dry-run", "tank/VM@daily"]) == .usage)
            #expect(bench.log.text.contains("run: chmod go-w \(scratch.path)/program"))
            #expect(try bench.openRuns().isEmpty && calls(scratch).isEmpty)
            #expect(bench.world.count("freeze") == 0)
            let findings = try await findings(bench)
            #expect(findings.contains { $0.has("is not run: ") && $0.has("; fix: run: chmod go-w") }, "\(findings)")
        }
    }

    @Test("falls back where the program is not there, or became another's after the check")
    func missing() async throws {
        try await withProgram { bench, scratch async throws in
            unlink(scratch.path + "/program")
            #expect(await bench.run(.pre) == .done)
            let record = try bench.onlyRecord()
            #expect(record.consistency == .crash && record.freezeState == nil)
            #expect(record.fallbacks[0].reason.has("No such file"), "\(record.fallbacks)")
            let findings = try await findings(bench)
            #expect(
                findings.contains { $0.has("program cannot be run (No such file or directory); fix: ") }, "\(findings)")
        }
    }

    private func findings(_ bench: HookBench) async throws -> [String] {
        let context = bench.context()
        let configuration = try bench.configuration
        return try await Hypervisors(configuration, context).closeAfter {
            try await PreflightCheck(configuration: configuration, context: context, hypervisors: $0).run()
                .lines(.problem)
        }
    }

    @Test("is undone where another VM's freeze makes the snapshot worthless")
    func abort() async throws {
        try await withBench(
            general: "strategy = quiesce\non_failure = abort", sections: "[vm web*]\nstrategy = exec:SCRATCH/program"
        ) { bench, host async throws in
            bench.has(host.web(), host.web("db1"))
            try Self.script(host.scratch)
            bench.world.change { $0.freeze = { _, _ in throw refusal(.fallBack) } }
            #expect(await bench.run(.pre) == .failed)
            #expect(Set(try calls(host.scratch)) == ["freeze", "release"])
            #expect(try bench.openRuns().isEmpty)
        }
    }

    @Test("is not called for a VM that is off")
    func off() async throws {
        try await withProgram { bench, scratch async throws in
            bench.world.markStopped("id-of-web01")
            #expect(await bench.run(.pre) == .done)
            #expect(await bench.run(.post) == .done)
            #expect(try calls(scratch).isEmpty && consistency(bench) == "off")
        }
    }

    @Test(
        "has what a killed hook left running ended before the program is to recover",
        arguments: [FreezeState.Step.switching, .releasing])
    func killedHook(step: FreezeState.Step) async throws {
        try await withProgram { bench, scratch async throws in
            #expect(await bench.run(.pre) == .done)
            var run = try bench.openRuns()[0]
            let environment = ["PATH": "/usr/bin:/bin", "STILLPOINT_RUN": run.id.text]
            let left = try ProcessStart.start("/bin/sh", ["sh", "-c", "sleep 63 & sleep 64"], environment)
            startThread {
                var status: Int32 = 0
                waitpid(left, &status, 0)
            }
            run.machines[0].freezeState?.step = step
            run.machines[0].freezeState?.programProcess = ProcessIdentity(of: left)
            try bench.directory.write(run)
            try Self.script(scratch, recover: "kill -0 \(left) 2>/dev/null && exit 9; echo '{\"version\":1}'")
            #expect(await bench.run(.post) == .done)
            #expect(try calls(scratch) == ["freeze", "recover"])
            #expect(kill(left, 0) != 0)
            #expect(try bench.openRuns().isEmpty)
        }
    }

    @Test("stands still, where the program says so, no longer than freeze_limit")
    func frozen() async throws {
        try await withProgram(general: "freeze_limit = 1") { bench, scratch async throws in
            try Self.script(scratch, freeze: Self.answer("quiesced", ",\"frozen\":true"))
            #expect(await bench.run(.pre) == .done)
            #expect(try bench.onlyRecord().freezeState?.stoppedAt != nil)
            let run = try bench.openRuns()[0].id
            let watchdog = Watchdog(
                run: run, manager: nil, context: bench.context(), configuration: try bench.configuration)
            let watching = Task { await watchdog.watch() }
            #expect(try await eventually { try bench.onlyRecord().freezeState == nil })
            #expect(try calls(scratch) == ["freeze", "release"])
            let record = try bench.onlyRecord()
            #expect(record.freezeState == nil && record.earlyRelease?.reason.has("freeze_limit") == true)
            #expect(await bench.run(.post) == .done)
            #expect(try consistency(bench) == "crash")
            #expect(await watching.value == .done)
        }
    }

    @Test("that fails to release what stands still is asked again")
    func frozenAndFailing() async throws {
        try await withProgram(general: "freeze_limit = 1") { bench, scratch async throws in
            try Self.script(
                scratch, freeze: Self.answer("quiesced", ",\"frozen\":true"), release: "exit 1",
                recover: "[ $(wc -l <actions) -ge 4 ] || exit 1; echo '{\"version\":1}'")
            #expect(await bench.run(.pre) == .done)
            let run = try bench.openRuns()[0].id
            let watchdog = Watchdog(
                run: run, manager: nil, context: bench.context(), configuration: try bench.configuration)
            let watching = Task { await watchdog.watch() }
            #expect(try await eventually { try bench.onlyRecord().freezeState == nil })
            #expect(try calls(scratch) == ["freeze", "release", "recover", "recover"])
            try await Task.sleep(for: .seconds(2))
            #expect(await bench.run(.post) == .done)
            #expect(await watching.value == .done)
        }
    }
}
