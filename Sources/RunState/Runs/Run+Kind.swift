internal import Glibc

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

extension Run {
    /// For how long it has been open, by the host's clock; nil where its id names no time.
    package var age: Duration? { id.time.map { .seconds(max(0, Int64(time(nil)) - $0)) } }

    /// One that names no time counts as old: what it holds is better released than forgotten.
    package func isAsOld(as limit: Duration) -> Bool { age.map { $0 >= limit } ?? true }
}
