internal import Engine
internal import SnapshotManagers

/// How long a manager waits for a hook, less what it takes to come to an end.
///
/// sanoid allows 5 seconds unless its configuration says otherwise, and dies itself when they are over: no snapshot, no
/// post, no other dataset, and VMs left on overlays.
struct HookTimeout: Sendable {
    /// When what is not frozen is given up, so that it can be undone.
    let work: ContinuousClock.Instant
    /// When the hook exits, whatever is under way: a call that hangs cannot be interrupted.
    let exit: ContinuousClock.Instant
    /// Until when it may be written down, before the exit and after it, who is to be told that nothing was done: a manager
    /// dies of a hook that is late, whatever it was late for.
    let telling: ContinuousClock.Instant

    /// - Parameter waited: for how long the manager has been waiting already; nil: the limit counts from now, and whoever set
    ///   it is not known to die of it.
    init(_ limit: Duration, waited: Duration? = nil) {
        let now = ContinuousClock.now
        guard let waited else {
            let reserve = min(.milliseconds(500), limit / 10)
            work = now + limit - reserve
            exit = now + max(limit - reserve * 3 / 5, .seconds(1))
            telling = exit + reserve * 3 / 10
            return
        }
        // On a busy host it takes its time until this process is gone and the manager has seen that.
        let (end, reserve) = (now + (limit - waited), min(.seconds(1), limit / 4))
        exit = max(end - reserve, now + .milliseconds(100))
        telling = max(exit, end - reserve * 7 / 10)
        work = exit - min(.milliseconds(200), limit / 25)
    }
}

extension HookTimeout {
    /// How long the manager that called waits in all; nil: for as long as it takes.
    static func limit(
        of invocation: Invocation, _ sanoid: () throws -> SanoidConfiguration
    ) rethrows -> Duration? {
        if let limit = invocation.deadline { return limit }
        guard invocation.manager == .sanoid else { return nil }
        let sanoid = try sanoid()
        return invocation.targets.compactMap { sanoid.scriptTimeout(for: $0) }.min()
    }

    /// What is left of a limit, for a manager that counts since it started the hook.
    static func left(of limit: Duration, _ manager: SnapshotManager, proc: String) -> HookTimeout {
        guard manager == .sanoid || manager == .zrepl else { return HookTimeout(limit) }
        return HookTimeout(limit, waited: ManagerProcess.waiting(manager, limit: limit, proc: proc) ?? .zero)
    }
}
