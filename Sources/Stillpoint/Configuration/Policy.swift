internal import Hypervisor

/// What to try for a VM and what to do when none of it works; nil where a section does not say.
struct Policy: Sendable, Equatable {
    /// What happens when no strategy of the list could be carried out.
    enum OnFailure: String, Sendable, CaseIterable {
        /// The snapshot goes on; the VM is reported as `crash`.
        case `continue`
        /// Everything is undone and pre-snapshot exits 1.
        case abort
    }

    /// Tried in this order.
    var strategies: [Strategy]?
    var onFailure: OnFailure?

    /// The policy with its gaps filled from a less specific one.
    func filled(from other: Policy) -> Policy {
        Policy(strategies: strategies ?? other.strategies, onFailure: onFailure ?? other.onFailure)
    }
}
