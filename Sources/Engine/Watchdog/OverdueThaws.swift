internal import Hypervisor
internal import RunState

/// Which pending thaws are the watchdog's to ask for: those of a run that nobody works on, and those that whoever works
/// on it should have asked for long ago. A hook that is stopped (Ctrl-Z) thaws nobody.
struct OverdueThaws: Sendable {
    /// For how long a process that works on the run may keep a guest frozen, beside the time for its preparation.
    let limit: Duration
    private var since: ContinuousClock.Instant?

    init(limit: Duration) {
        self.limit = limit
    }

    /// Those to ask for now.
    mutating func due(_ duties: WatchdogPoll.Duties, at now: ContinuousClock.Instant) -> [VMRecord] {
        guard duties.isOwned, !duties.isOwnerStopped, !duties.pendingThaws.isEmpty else {
            since = nil
            return duties.pendingThaws
        }
        let start = since ?? now
        since = start
        let time = start.duration(to: now) - limit
        return duties.pendingThaws.filter { time > .seconds($0.freezeState?.freezeSeconds ?? 0) }
    }
}
