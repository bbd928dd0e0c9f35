extension Run {
    /// What opened a run. State files have it as the manager's name.
    enum Kind: Sendable {
        /// A pre-snapshot.
        case snapshots
        /// A restore, which keeps hooks away from its VM.
        case restore
        /// A recovery that found overlays without a state file: no manager took snapshots.
        case adoption
    }

    static let restoreManager = "restore"
    static let adoptionManager = "adoption"

    var kind: Kind {
        switch manager {
        case Self.restoreManager: .restore
        case Self.adoptionManager: .adoption
        default: .snapshots
        }
    }
}
