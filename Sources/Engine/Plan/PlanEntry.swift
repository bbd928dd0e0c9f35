package import Configuration
internal import Hypervisor

/// What would be done with one VM, as `pre-snapshot --dry-run` and `stillpoint plan` tell it; docs/json.md documents
/// its JSON.
package struct PlanEntry: Sendable, Codable, Equatable {
    /// A disk of it.
    package struct PlannedDisk: Sendable, Codable, Equatable {
        /// What becomes of it.
        package enum Handling: String, Sendable, Codable {
            /// It moves to an overlay, or the server takes a VM snapshot.
            case overlay
            /// The guest stays on it.
            case inPlace = "in place"
            /// It is in the snapshot, and cannot have an overlay.
            case refused
            /// It is no part of what is made consistent.
            case excluded
            /// The snapshot does not hold it.
            case elsewhere
        }

        /// `vda`
        package let target: String
        /// The image that the guest writes to; nil: it is not known.
        package let path: String?
        /// Those that hold that image; none where it is on no dataset of this host.
        package let datasets: [String]
        package let handling: Handling
        /// Why; nil where there is nothing to say.
        package let reason: String?
    }

    package let vm: String
    package let vmID: String
    package let title: String?
    package let hypervisor: String
    /// `running`, `paused`, `off` or `suspended`.
    package let power: String
    /// Those of the snapshot that hold disks of it.
    package let datasets: [String]
    package let disks: [PlannedDisk]
    /// Tried in this order.
    package let strategies: [String]
    /// What would come of each, were it tried now; none where nothing has to be frozen.
    package let expected: [ExpectedOutcome]
    /// What comes before that, in words: the VM is on an overlay of a run that is open. Nil where nothing.
    package let waitsFor: String?
    /// Nil: it is the default.
    package let strategyLine: SettingLine?
    package let onFailure: String
    /// Nil: it is the default.
    package let onFailureLine: SettingLine?
    /// The types of the snapshots that it was planned for.
    package let types: [String]
    /// It is left out: `strategy = ignore`.
    package let isIgnored: Bool
    package let notes: [String]
}
