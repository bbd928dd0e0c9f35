extension Run {
    /// What opened a run. State files have it as the manager's name.
    package enum Kind: Sendable {
        /// A pre-snapshot.
        case snapshots
        /// A restore, which keeps hooks away from its VM.
        case restore
        /// A recovery that found overlays without a state file: no manager took snapshots.
        case adoption
    }

    package static let restoreManager = "restore"
    package static let adoptionManager = "adoption"

    package var kind: Kind {
        switch manager {
        case Self.restoreManager: .restore
        case Self.adoptionManager: .adoption
        default: .snapshots
        }
    }
}
