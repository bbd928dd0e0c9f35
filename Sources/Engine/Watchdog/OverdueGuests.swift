internal import Hypervisor
internal import RunState

/// Which guests that may be frozen or paused are the watchdog's to thaw or resume: those of a run that nobody works on, and
/// those that whoever works on it should have let go long ago. A hook that is stopped (Ctrl-Z) does neither.
struct OverdueGuests: Sendable {
    /// For how long a process that works on the run may keep a guest frozen, beside the time for its preparation.
    let limit: Duration
    /// Each VM's freeze has its own time.
    private var since: [VMKey: ContinuousClock.Instant] = [:]

    init(limit: Duration) {
        self.limit = limit
    }

    /// Those to ask for now.
    mutating func due(_ duties: WatchdogPoll.Duties, at now: ContinuousClock.Instant) -> [VMRecord] {
        guard duties.isOwned, !duties.isOwnerStopped else {
            since = [:]
            return duties.pending
        }
        let first = Dictionary(duties.pending.map { ($0.key, since[$0.key] ?? now) }, uniquingKeysWith: min)
        since = first
        return duties.pending.filter { machine in
            let time = (first[machine.key] ?? now).duration(to: now) - limit
            return time > .seconds(machine.freezeState?.freezeSeconds ?? 0)
        }
    }
}
