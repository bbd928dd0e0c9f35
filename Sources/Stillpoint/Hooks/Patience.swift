/// How long a manager waits for pre-snapshot, less what it takes to come to an end.
///
/// sanoid allows 5 seconds unless its configuration says otherwise, and dies itself when they are over: no snapshot, no
/// post, and VMs left on overlays.
struct Patience: Sendable {
    /// When what is not frozen is given up, so that it can be undone.
    let deadline: ContinuousClock.Instant
    /// When pre-snapshot goes, whatever is under way: a call that hangs cannot be interrupted.
    let end: ContinuousClock.Instant

    init(_ limit: Duration) {
        let now = ContinuousClock.now
        let reserve = min(.milliseconds(500), limit / 10)
        deadline = now + limit - reserve
        end = now + max(limit - reserve * 3 / 5, .seconds(1))
    }
}
