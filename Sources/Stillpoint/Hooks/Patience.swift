internal import SnapshotManagers

/// How long a manager waits for a hook, less what it takes to come to an end.
///
/// sanoid allows 5 seconds unless its configuration says otherwise, and dies itself when they are over: no snapshot, no
/// post, no other dataset, and VMs left on overlays.
struct Patience: Sendable {
    /// When what is not frozen is given up, so that it can be undone.
    let deadline: ContinuousClock.Instant
    /// When the hook goes, whatever is under way: a call that hangs cannot be interrupted.
    let end: ContinuousClock.Instant

    init(_ limit: Duration) {
        let now = ContinuousClock.now
        let reserve = min(.milliseconds(500), limit / 10)
        deadline = now + limit - reserve
        end = now + max(limit - reserve * 3 / 5, .seconds(1))
    }
}

extension Patience {
    /// That of the manager that called; nil where it waits for as long as it takes.
    static func of(
        _ invocation: Invocation, _ sanoid: () throws -> SanoidConfiguration
    ) rethrows -> Patience? {
        var limit = invocation.deadline
        if limit == nil, invocation.manager == .sanoid {
            let sanoid = try sanoid()
            limit = invocation.targets.compactMap { sanoid.scriptTimeout(for: $0) }.min()
        }
        return limit.map { Patience($0) }
    }
}
