internal import Hypervisor

extension Policy {
    /// Of each key what promises more: one freeze serves all snapshots of a call, and none of them gets less than its
    /// type wants.
    ///
    /// Both have all keys. Of two that promise the same this one's counts.
    func promisingMore(_ other: Policy) -> Policy {
        var policy = self
        let (own, others) = ((strategies ?? []).map(\.promise), (other.strategies ?? []).map(\.promise))
        if own.lexicographicallyPrecedes(others) {
            (policy.strategies, policy.strategyLine) = (other.strategies, other.strategyLine)
        }
        if other.onFailure == .abort, onFailure != .abort {
            (policy.onFailure, policy.onFailureLine) = (other.onFailure, other.onFailureLine)
        }
        return policy
    }
}

extension Strategy {
    /// Orders by what a snapshot is worth where it could be carried out.
    fileprivate var promise: Int {
        switch self {
        case .memory: 7
        case .quiesce: 6
        case .freeze: 5
        case .shutdown: 4
        case .exec: 3
        case .pause: 2
        case .crashConsistent: 1
        case .ignore: 0
        }
    }
}
