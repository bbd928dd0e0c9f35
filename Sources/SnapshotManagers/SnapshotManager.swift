/// The program that takes the snapshots and calls the hooks.
public enum SnapshotManager: String, Sendable, CaseIterable, CustomStringConvertible {
    /// sanoid.
    case sanoid
    /// zfs-auto-snapshot.
    case zfsAutoSnapshot = "zfs-auto-snapshot"
    /// zrepl.
    case zrepl
    /// znapzend.
    case znapzend
    /// A person or a script of their own, zfs-autobackup's hook commands included.
    case byHand = "by hand"
    /// `stillpoint snapshot`, which takes them itself.
    case stillpoint = "stillpoint snapshot"

    /// The name in the field's own words.
    public var description: String { rawValue }
}
