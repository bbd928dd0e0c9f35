/// How one VM is frozen; the raw value is the word in the configuration.
public enum Strategy: String, Codable, Sendable, CaseIterable {
    /// Disks and RAM of one instant: a live dump of the guest's memory while its disks move to overlays.
    case memory
    /// Guest file systems frozen through the agent while the disks move to overlays.
    case quiesce
    /// Nothing is done to the VM; the snapshot holds what a power cut would leave.
    case crashConsistent = "crash-consistent"
    /// The VM is left out, of the report too.
    case ignore
}
