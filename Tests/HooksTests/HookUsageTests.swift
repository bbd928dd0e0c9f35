import Glibc
import HostFixtures
import SnapshotManagers
import TestSupport
import Testing

@testable import Engine
@testable import Hooks
@testable import RunState

@Suite("A hook's usage")
struct HookUsageTests {
    @Test(
        "has its exit codes",
        arguments: [
            (["--help"], ExitCode.done), (["-h"], .done), (["--version"], .done), ([], .usage), (["--no-such"], .usage),
            (["tank/VM@daily", "tank"], .usage), (["@daily"], .usage), (["tank/VM@"], .usage),
            (["--deadline", "soon", "tank/VM@daily"], .usage),
        ])
    func codes(arguments: [String], expected: ExitCode) async throws {
        for phase in [Phase.pre, .post] {
            try await withBench { bench, host async throws in
                bench.has(host.web())
                #expect(await bench.run(phase, arguments) == expected)
                #expect(bench.world.calls.isEmpty)
                #expect(access(bench.statePath, F_OK) != 0)
                #expect(bench.log.lines.isEmpty == (expected == .done))
            }
        }
    }

    @Test("gives a process's exit code on the main thread", arguments: [("--help", Int32(0)), ("--no-such", 2)])
    func main(argument: String, expected: Int32) throws {
        let log = LogRecorder()
        let context = ProgramContext(
            arguments: [argument], environment: [:], backEnds: [FakeHypervisor.self], log: log.logger)
        #expect(Hook.main(.pre, context) == expected)
    }

    @Test("takes an unknown dataset for a slip")
    func unknown() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            #expect(await bench.run(.pre, ["tank/MV@daily"]) == .usage)
            #expect(bench.world.calls.isEmpty)
            #expect(bench.log.text.contains("the dataset tank/MV does not exist"))
            #expect(access(bench.statePath, F_OK) != 0)
        }
    }

    @Test("takes a dataset that is neither mounted nor a volume for what it is")
    func unmounted() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            #expect(await bench.run(.pre, ["tank/quiet@daily"]) == .done)
            #expect(bench.world.count("freeze") == 0)
            let calls = try bench.zfs.calls()
            #expect(calls.count == 1)
        }
    }

    @Test("ends on a bad configuration before anything is asked", arguments: [Phase.pre, .post])
    func configuration(phase: Phase) async throws {
        try await withBench(general: "max_paralel = 3") { bench, host async throws in
            bench.has(host.web())
            #expect(await bench.run(phase) == .usage)
            #expect(bench.world.calls.isEmpty)
            #expect(bench.log.text.contains("did you mean 'max_parallel'?"))
        }
    }

    @Test("ends on variables that make no sense")
    func variables() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            let sanoid = ["SANOID_TARGET": "tank/VM", "SANOID_SNAPNAME": "daily", "SANOID_SCRIPT": "post"]
            #expect(await bench.run(.pre, [], environment: sanoid) == .usage)
            #expect(bench.world.calls.isEmpty)
        }
    }

    @Test("serves sanoid from its variables, through a snapshot that got another name")
    func sanoid() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            // A busy machine can take longer than sanoid's own 5 seconds.
            try bench.scratch.write("sanoid/sanoid.conf", "[tank/VM]\nscript_timeout = 60\n")
            let pre = ["SANOID_TARGET": "tank/VM", "SANOID_SNAPNAME": "autosnap_1_daily", "SANOID_SCRIPT": "pre"]
            #expect(await bench.run(.pre, [], environment: pre) == .done)
            let runs = try bench.openRuns()
            #expect(runs.map(\.manager) == ["sanoid"])
            let post = [
                "SANOID_TARGET": "tank/VM", "SANOID_SNAPNAME": "tank/VM@autosnap_1dst_daily", "SANOID_SCRIPT": "post",
            ]
            try bench.scratch.write("existing", "tank/VM\ntank/VM@autosnap_1dst_daily\n")
            #expect(await bench.run(.post, [], environment: post) == .done)
            #expect(try bench.openRuns().isEmpty)
            #expect(bench.world.count("release") == 1)
        }
    }
}
