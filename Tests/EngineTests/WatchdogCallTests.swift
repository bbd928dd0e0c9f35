import Glibc
import HostFixtures
import Hypervisor
import SnapshotManagers
import TestSupport
import Testing

@testable import Engine
@testable import Hooks
@testable import RunState
@testable import Support

@Suite("What calls itself a watchdog")
struct WatchdogCallTests {
    private let run = RunID.make()

    private func context(_ calledAs: String?, _ arguments: [String]) -> ProgramContext {
        ProgramContext(arguments: arguments, environment: [:], backEnds: [], calledAs: calledAs)
    }

    @Test("is understood as it was called")
    func roundTrip() throws {
        let manager = ManagerProcess(id: 12, began: 34)
        for call in [
            WatchdogCall(run: run, lock: 990, manager: manager), WatchdogCall(run: run, lock: 991, manager: nil),
        ] {
            #expect(call.arguments.first == "stillpoint-watchdog")
            #expect(WatchdogCall(context("stillpoint-watchdog", Array(call.arguments.dropFirst()))) == call)
        }
    }

    @Test(
        "is no watchdog by another name, without a lock, or with a run's name that leads elsewhere",
        arguments: [
            (nil, ["20261121T110000Z-1f3c9a", "990"]), ("pre-snapshot", ["20261121T110000Z-1f3c9a", "990"]),
            ("stillpoint-watchdog", ["20261121T110000Z-1f3c9a"]), ("stillpoint-watchdog", ["tank/VM@a"]),
            ("stillpoint-watchdog", ["20261121T110000Z-1f3c9a", "x"]), ("stillpoint-watchdog", ["../x", "990"]),
            ("stillpoint-watchdog", ["20261121T110000Z-/../x", "990"]), ("stillpoint-watchdog", []),
            ("stillpoint-watchdog", ["20261121T110000Z-1f3c9a", "2"]),
            ("stillpoint-watchdog", ["x", "990", "1:1", "y"]),
        ] as [(String?, [String])])
    func others(name: String?, arguments: [String]) {
        #expect(WatchdogCall(context(name, arguments)) == nil)
    }

    @Test("has the run's lock open and holds it")
    func lock() throws {
        try withScratchFolder { scratch in
            let directory = StateDirectory(scratch.path + "/state")
            try directory.prepare()
            let path = scratch.path + "/state/runs/\(run).guard"
            #expect(!directory.isWatchdogLock(0, of: run) && !directory.isWatchdogLock(-1, of: run))
            let lock = try #require(try directory.lock(watchdogOf: run))
            #expect(directory.isWatchdogLock(lock.descriptor, of: run))
            // As a child inherits it.
            let inherited = dup(lock.descriptor)
            defer { close(inherited) }
            #expect(directory.isWatchdogLock(inherited, of: run))
            let another = open(path, O_RDWR | O_CLOEXEC)
            defer { close(another) }
            #expect(!directory.isWatchdogLock(another, of: run))
            #expect(!directory.isWatchdogLock(lock.descriptor, of: RunID.make()))
            withExtendedLifetime(lock) {}
        }
    }

    @Test("is a hook like any other where it has no lock, whatever its variables say")
    func hook() async throws {
        try await withBench { bench, host async throws in
            var context = bench.context(
                [run.text, "990"], ["STILLPOINT_CONFIG": bench.scratch.path + "/stillpoint.conf"])
            context.calledAs = WatchdogCall.name
            // A run is no snapshot's name.
            #expect(Hook.main(.pre, context) == ExitCode.usage.rawValue)
            let variables = ["STILLPOINT_GUARD": run.text, "STILLPOINT_GUARD_MANAGER": "1:1"]
            #expect(await bench.run(.pre, ["tank/nosuch@daily"], environment: variables) == .usage)
            bench.has(host.web())
            #expect(await bench.run(.pre, environment: variables) == .done)
            #expect(bench.world.calls.contains("freeze web01"))
        }
    }
}
