internal import Hypervisor

/// How long a guest and its agent may take during one freeze; in whole seconds, as libvirt wants it.
struct FreezeTimes: Sendable, Equatable {
    /// For each question to the agent: no more than half of what is left, as a question that fails is followed by a thaw.
    let question: Duration
    /// Until the guest is frozen: hooks run before that, and VSS prepares. All but what is kept for the thaw and for
    /// undoing it.
    let freeze: Duration
    /// For the answer to a thaw. That of Windows comes when VSS has ended its backup, and is given only once: the
    /// next one says that nothing was frozen.
    let thaw: Duration

    /// What it takes to delete the overlays again and to say so.
    static let undoing = Duration.milliseconds(500)
    /// What it takes, beside the thaw, after a guest that used all its time.
    private static let window = Duration.seconds(1)

    /// - Parameter left: until the manager stops waiting; nil: it does not.
    init(_ settings: HypervisorSettings, left: Duration?, isWindows: Bool = false) {
        let answer = isWindows ? max(settings.agentTimeout, settings.freezeLimit) : settings.agentTimeout
        func whole(_ time: Duration) -> Duration { .seconds(max(1, time.components.seconds)) }
        guard let left else {
            question = whole(settings.agentTimeout)
            freeze = whole(settings.freezeTimeout)
            thaw = whole(answer)
            return
        }
        question = whole(min(settings.agentTimeout, left / 2))
        freeze = whole(min(settings.freezeTimeout, left - min(answer + Self.window + Self.undoing, left / 2)))
        thaw = whole(min(answer, left / 2))
    }
}

extension FreezeTimes {
    /// As they are now.
    init(_ settings: HypervisorSettings, until deadline: ContinuousClock.Instant?, isWindows: Bool = false) {
        self.init(settings, left: deadline.map { ContinuousClock.now.duration(to: $0) }, isWindows: isWindows)
    }
}
