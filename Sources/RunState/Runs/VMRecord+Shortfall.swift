package import Hypervisor

extension VMRecord {
    /// What it was to get by, as far as it was tried; nil where nothing was.
    package var wanted: Strategy? { fallbacks.first?.strategy ?? strategy }

    /// It did not get what the first strategy of its list is for. One that is off, or is to be crash-consistent, has.
    package var fellShort: Bool {
        guard let consistency, consistency != .stale, loweredBy == nil else { return true }
        guard !fallbacks.isEmpty, consistency != .off else { return false }
        return consistency < wanted?.promise ?? .memory
    }
}

extension Strategy {
    /// What it gives where it succeeds; nil: nothing that another one gives too.
    fileprivate var promise: Consistency? {
        switch self {
        case .memory: .memory
        case .quiesce, .freeze: .quiesced
        case .shutdown: .off
        case .pause, .exec, .crashConsistent, .ignore: nil
        }
    }
}
