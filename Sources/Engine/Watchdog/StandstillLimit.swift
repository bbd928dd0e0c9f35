internal import Hypervisor
internal import RunState

/// Which guests have stood still, frozen or paused, for as long as one may (`freeze_limit`), whoever is at work on the run.
struct StandstillLimit: Sendable {
    let limit: Duration
    /// On a clock that nobody sets.
    private var seen: [VMKey: ContinuousClock.Instant] = [:]

    init(_ limit: Duration) {
        self.limit = limit
    }

    /// Those whose time is over.
    /// - Parameter unixTime: now, in milliseconds since 1970.
    mutating func due(
        _ standing: [VMRecord], at now: ContinuousClock.Instant, unixTime: Int64 = unixMilliseconds()
    ) -> [VMRecord] {
        let first = Dictionary(standing.map { ($0.key, seen[$0.key] ?? now) }, uniquingKeysWith: { one, _ in one })
        seen = first
        return standing.filter { left(of: $0, at: now, unixTime) <= .zero }
    }

    /// How long until the next one's time is over; nil: none stands still.
    func next(
        _ standing: [VMRecord], at now: ContinuousClock.Instant, unixTime: Int64 = unixMilliseconds()
    ) -> Duration? {
        standing.map { left(of: $0, at: now, unixTime) }.min()
    }

    /// The host's clock may have been set meanwhile: whichever says that more time has passed.
    private func left(of machine: VMRecord, at now: ContinuousClock.Instant, _ unixTime: Int64) -> Duration {
        let watched = seen[machine.key].map { limit - $0.duration(to: now) } ?? limit
        guard let stopped = machine.freezeState?.stoppedAt else { return watched }
        return min(watched, limit - .milliseconds(unixTime - stopped))
    }
}
