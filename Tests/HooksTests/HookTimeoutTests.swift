import Glibc
import SnapshotManagers
import TestSupport
import Testing

@testable import Engine
@testable import Hooks

@Suite("A hook's time-out")
struct HookTimeoutTests {
    /// Seconds from now until the hook gives up what is not frozen, and goes.
    private func left(_ timeout: HookTimeout) -> (work: Double, exit: Double) {
        let now = ContinuousClock.now
        return (now.duration(to: timeout.work) / .seconds(1), now.duration(to: timeout.exit) / .seconds(1))
    }

    private func isAbout(_ found: Double, _ expected: Double) -> Bool { abs(found - expected) < 0.15 }

    @Test(
        "counts since the manager's alarm and leaves it a second of five",
        arguments: [
            (5, 0, 3.8, 4), (5, 2.5, 1.3, 1.5), (5, 4.5, -0.1, 0.1), (5, 60, -0.1, 0.1), (120, 1, 117.8, 118),
            (2, 0, 1.42, 1.5), (1, 0, 0.71, 0.75),
        ] as [(Double, Double, Double, Double)])
    func counted(limit: Double, waited: Double, deadline: Double, end: Double) {
        let found = left(HookTimeout(.seconds(limit), waited: .seconds(waited)))
        #expect(isAbout(found.work, deadline) && isAbout(found.exit, end), "\(found)")
    }

    @Test("counts from now where whoever set it is not known to count", arguments: [(5, 4.5, 4.7), (1, 0.9, 1)])
    func fromNow(limit: Double, deadline: Double, end: Double) {
        let found = left(HookTimeout(.seconds(limit)))
        #expect(isAbout(found.work, deadline) && isAbout(found.exit, end), "\(found)")
    }

    @Test(
        "leaves a part of the manager's second for telling that nothing was done, and none where the hook came late",
        arguments: [
            (5, 0, 4.3), (120, 1, 118.3), (1, 0, 0.825), (5, 3.5, 0.8), (5, 4.5, 0.1), (5, 60, 0.1), (5, nil, 4.85),
        ] as [(Double, Double?, Double)])
    func telling(limit: Double, waited: Double?, end: Double) {
        let now = ContinuousClock.now
        let timeout = HookTimeout(.seconds(limit), waited: waited.map { .seconds($0) })
        #expect(isAbout(now.duration(to: timeout.telling) / .seconds(1), end), "\(timeout)")
    }

    /// A process of a /proc of our own, which began so many seconds ago.
    private func add(
        _ id: pid_t, _ name: String, parent: pid_t, age: Double, _ scratch: ScratchFolder
    ) throws {
        var now = timespec()
        try #require(clock_gettime(CLOCK_BOOTTIME, &now) == 0)
        let began = Double(now.tv_sec) + Double(now.tv_nsec) / 1e9 - age
        let ticks = Int64(began * Double(sysconf(Int32(_SC_CLK_TCK))))
        let zeros = Array(repeating: "0", count: 17).joined(separator: " ")
        try scratch.write("proc/\(id)/stat", "\(id) (\(name)) S \(parent) \(zeros) \(ticks) 0 0\n")
    }

    @Test("began when the manager forked for the hook, whatever shells stand between")
    func fork() throws {
        try withScratchFolder { scratch in
            try add(getpid(), "pre-snapshot", parent: 70, age: 0.1, scratch)
            try add(70, "wrapper", parent: 71, age: 1.5, scratch)
            try add(71, "sh", parent: 72, age: 3, scratch)
            try add(72, "sanoid", parent: 1, age: 3600, scratch)
            let proc = scratch.path + "/proc"
            let waited = try #require(ManagerProcess.waiting(.sanoid, limit: .seconds(5), proc: proc))
            #expect(isAbout(waited / .seconds(1), 3))
            // Not found among the ancestors: since this process itself began.
            let own = try #require(ManagerProcess.waiting(.zrepl, limit: .seconds(5), proc: proc))
            #expect(isAbout(own / .seconds(1), 0.1))
            let found = left(HookTimeout.left(of: .seconds(5), .sanoid, proc: proc))
            #expect(isAbout(found.exit, 1))
            #expect(isAbout(left(HookTimeout.left(of: .seconds(5), .byHand, proc: proc)).exit, 4.7))
        }
    }

    @Test(
        "has passed when the manager died of it, and not when this process was something else before",
        arguments: [(pid_t(1), true), (70, false)])
    func passed(parent: pid_t, isOver: Bool) throws {
        try withScratchFolder { scratch in
            try add(getpid(), "pre-snapshot", parent: parent, age: 30, scratch)
            let waited = ManagerProcess.waiting(.sanoid, limit: .seconds(5), proc: scratch.path + "/proc")
            #expect((waited != nil) == isOver)
        }
    }

    @Test("counts from now where /proc cannot be read")
    func unseen() throws {
        try withScratchFolder { scratch in
            #expect(ManagerProcess.waiting(.sanoid, limit: .seconds(5), proc: scratch.path) == nil)
            #expect(isAbout(left(HookTimeout.left(of: .seconds(5), .sanoid, proc: scratch.path)).exit, 4))
        }
    }
}
