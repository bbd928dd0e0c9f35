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
struct GuardCallTests {
    private let run = RunID.make()

    private func context(_ calledAs: String?, _ arguments: [String]) -> HookContext {
        HookContext(arguments: arguments, environment: [:], backEnds: [], calledAs: calledAs)
    }

    @Test("is understood as it was called")
    func roundTrip() throws {
        let manager = ManagerProcess(id: 12, began: 34)
        for call in [
            GuardCall(run: run, lock: 990, manager: manager), GuardCall(run: run, lock: 991, manager: nil),
        ] {
            #expect(call.arguments.first == "stillpoint-guard")
            #expect(GuardCall(context("stillpoint-guard", Array(call.arguments.dropFirst()))) == call)
        }
    }

    @Test(
        "is no watchdog by another name, without a lock, or with a run's name that leads elsewhere",
        arguments: [
            (nil, ["20261121T110000Z-1f3c9a", "990"]), ("pre-snapshot", ["20261121T110000Z-1f3c9a", "990"]),
            ("stillpoint-guard", ["20261121T110000Z-1f3c9a"]), ("stillpoint-guard", ["tank/VM@a"]),
            ("stillpoint-guard", ["20261121T110000Z-1f3c9a", "x"]), ("stillpoint-guard", ["../x", "990"]),
            ("stillpoint-guard", ["20261121T110000Z-/../x", "990"]), ("stillpoint-guard", []),
            ("stillpoint-guard", ["20261121T110000Z-1f3c9a", "2"]), ("stillpoint-guard", ["x", "990", "1:1", "y"]),
        ] as [(String?, [String])])
    func others(name: String?, arguments: [String]) {
        #expect(GuardCall(context(name, arguments)) == nil)
    }

    @Test("has the run's lock open and holds it")
    func lock() throws {
        try withScratchFolder { scratch in
            let directory = StateDirectory(scratch.path + "/state")
            try directory.prepare()
            let path = scratch.path + "/state/runs/\(run).guard"
            #expect(!directory.isGuardLock(0, of: run) && !directory.isGuardLock(-1, of: run))
            let lock = try #require(try directory.lock(guardOf: run))
            #expect(directory.isGuardLock(lock.descriptor, of: run))
            // As a child inherits it.
            let inherited = dup(lock.descriptor)
            defer { close(inherited) }
            #expect(directory.isGuardLock(inherited, of: run))
            let another = open(path, O_RDWR | O_CLOEXEC)
            defer { close(another) }
            #expect(!directory.isGuardLock(another, of: run))
            #expect(!directory.isGuardLock(lock.descriptor, of: RunID.make()))
            withExtendedLifetime(lock) {}
        }
    }

    @Test("is a hook like any other where it has no lock, whatever its variables say")
    func hook() async throws {
        try await withBench { bench, host async throws in
            var context = bench.context(
                [run.text, "990"], ["STILLPOINT_CONFIG": bench.scratch.path + "/stillpoint.conf"])
            context.calledAs = GuardCall.name
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
