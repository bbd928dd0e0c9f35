internal import Glibc
internal import Hypervisor
package import RunState

/// How pre-snapshot starts the watchdog that it leaves behind, and how that knows what it is.
///
/// Not by a variable: whoever can set one in the hook's surroundings would turn the hook off. The watchdog has its own
/// name and the run's lock, which it shares with its starter; `StateDirectory.isWatchdogLock` tells whether it has.
package struct WatchdogCall: Sendable, Equatable {
    /// The watchdog's name for itself.
    static let name = "stillpoint-watchdog"

    package let run: RunID
    /// The descriptor of the lock that the watchdog inherits.
    package let lock: Int32
    /// The manager's process, where there is one to watch.
    package let manager: ManagerProcess?

    /// With the program's name.
    var arguments: [String] { [Self.name, run.text, "\(lock)"] + (manager.map { [$0.text] } ?? []) }
}

extension WatchdogCall {
    /// Nil where the program was not called as a watchdog is.
    package init?(_ context: ProgramContext) {
        guard context.calledAs == Self.name, 2...3 ~= context.arguments.count, let lock = Int32(context.arguments[1]),
            lock > 2, let run = RunID(context.arguments[0])
        else { return nil }
        self.run = run
        self.lock = lock
        manager = context.arguments.count == 3 ? ManagerProcess(text: context.arguments[2]) : nil
        // What the watchdog starts does not share its lock.
        _ = fcntl(lock, F_SETFD, FD_CLOEXEC)
    }
}
