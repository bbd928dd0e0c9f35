/// The time that the VMs of a run may spend together until their definitions are kept: the guests are frozen after it,
/// and a dataset whose writes are slow must not cost the others' guests their freeze.
///
/// Only time counts in which one is being kept: a VM whose turn comes late because others were frozen before it has its
/// definition kept as well.
actor SavingBudget {
    private static let longest = Duration.seconds(10)

    private var left: Duration
    private var active = 0
    private var since = ContinuousClock.now

    /// A tenth of the time until the manager's deadline, and ten seconds at most.
    init(until deadline: ContinuousClock.Instant?, now: ContinuousClock.Instant = .now) {
        left = min(Self.longest, deadline.map { now.duration(to: $0) / 10 } ?? Self.longest)
    }

    /// Begins to keep a VM; what is left for it.
    func begin(at now: ContinuousClock.Instant = .now) -> Duration {
        count(until: now)
        active += 1
        return max(.zero, left)
    }

    /// It was kept, or given up.
    func end(at now: ContinuousClock.Instant = .now) {
        count(until: now)
        active -= 1
    }

    private func count(until now: ContinuousClock.Instant) {
        if active > 0 { left -= since.duration(to: now) }
        since = now
    }
}
