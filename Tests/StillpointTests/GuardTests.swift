import Glibc
import Hypervisor
import SnapshotManagers
import TestSupport
import Testing

@testable import Stillpoint

@Suite("A guard")
struct GuardTests {
    private func watch(
        _ bench: HookBench, _ run: Run, manager: ManagerProcess? = nil, within: Duration = .seconds(60)
    ) -> GuardWatch {
        GuardWatch(
            run: run.id, directory: bench.directory, overlayDirectory: bench.scratch.path, manager: manager,
            proc: "/proc", deadline: .now + within, maxHold: .seconds(60))
    }

    private func open(_ bench: HookBench, _ change: (inout Run) -> Void = { _ in }) throws -> Run {
        var record = try makeRecord("web01")
        record.hold = someHold
        var run = try makeRun(makeRunID(), machines: [record])
        change(&run)
        try bench.directory.prepare()
        try bench.directory.write(run)
        return run
    }

    @Test("waits while all is well, and leaves when post-snapshot has ended the run")
    func waits() async throws {
        try await withBench { bench, _ async throws in
            let run = try open(bench)
            #expect(watch(bench, run).look(isAskedToEnd: false) == nil)
            let lock = try #require(try bench.directory.lock(run: run.id, waiting: false))
            // The run is post-snapshot's now, whatever the time.
            #expect(watch(bench, run, within: .zero).look(isAskedToEnd: true) == nil)
            withExtendedLifetime(lock) {}
            try bench.directory.remove(run.id)
            #expect(watch(bench, run).look(isAskedToEnd: false) == .over)
        }
    }

    @Test("releases when it is asked to end, and when the time is up")
    func releases() async throws {
        try await withBench { bench, _ async throws in
            let run = try open(bench)
            #expect(watch(bench, run).look(isAskedToEnd: true) == .release("the guard was asked to end"))
            #expect(
                watch(bench, run, within: .zero).look(isAskedToEnd: false)
                    == .release("post-snapshot did not come within 60 s"))
        }
    }

    @Test("ends the run of a hook that died, or whose manager is gone")
    func ends() async throws {
        try await withBench { bench, _ async throws in
            let run = try open(bench) { $0.phase = .freezing }
            #expect(watch(bench, run).look(isAskedToEnd: false) == .end("pre-snapshot died"))
            let releasing = try open(bench) { $0.phase = .releasing }
            #expect(watch(bench, releasing).look(isAskedToEnd: false) == .end("post-snapshot did not end it"))
            let frozen = try open(bench)
            let gone = ManagerProcess(id: getpid(), began: "1")
            #expect(
                watch(bench, frozen, manager: gone).look(isAskedToEnd: false) == .end("the snapshot manager was gone"))
        }
    }

    @Test("waits with a run that holds nothing, but does not outstay max_hold; a thaw that is owed comes first")
    func holdsNothing() async throws {
        try await withBench { bench, _ async throws in
            let run = try open(bench) { $0.machines[0].hold = nil }
            #expect(watch(bench, run).look(isAskedToEnd: false) == nil)
            #expect(watch(bench, run).look(isAskedToEnd: true) == .end("the guard was asked to end"))
            #expect(
                watch(bench, run, within: .zero).look(isAskedToEnd: false)
                    == .end("post-snapshot did not come within 60 s"))
            let owing = try open(bench) {
                $0.machines[0].hold = Hold(step: .switching, snapshot: "s", disks: [], owesThaw: true)
            }
            #expect(watch(bench, owing).look(isAskedToEnd: false) == .thawOwed)
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
            #expect(found == ManagerProcess(id: 4242, began: "77"))
            #expect(ManagerProcess(text: found.text) == found)
            #expect(ManagerProcess.find(.zrepl, proc: proc) == nil && ManagerProcess.find(.byHand, proc: proc) == nil)
            #expect(found.isAlive(proc: proc))
            try stat(4242, "sanoid", parent: 1, began: "99")
            #expect(!found.isAlive(proc: proc))
        }
    }
}
