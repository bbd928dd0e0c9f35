internal import Configuration
internal import Hypervisor
internal import RunState
internal import Support

/// How long guests may stand still, and what is done about those that have for longer.
struct GuestLimits: Sendable {
    private let freezeLimit: Duration
    private var overdue: OverdueGuests
    private var standstill: StandstillLimit

    init(_ configuration: Configuration) {
        freezeLimit = configuration.freezeLimit
        overdue = OverdueGuests(limit: configuration.freezeLimit + configuration.agentTimeout + .seconds(2))
        standstill = StandstillLimit(configuration.freezeLimit)
    }

    /// Nothing else of the run is released: its overlays can stay until post-snapshot comes.
    mutating func enforce(on duties: WatchdogPoll.Duties, by guests: OverdueRelease) async {
        await guests.ask(overdue.due(duties, at: .now))
        let reason = "its guest had stood still for \(freezeLimit.text) (freeze_limit)"
        await guests.ask(standstill.due(duties.standing, at: .now), because: reason)
    }

    /// How long until there may be something to do.
    func pause(before duties: WatchdogPoll.Duties) -> Duration {
        standstill.next(duties.standing, at: .now).map { $0 > .zero ? $0 : .seconds(1) } ?? .seconds(1)
    }
}
