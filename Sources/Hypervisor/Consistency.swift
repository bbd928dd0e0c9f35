/// What a VM really got in a storage snapshot: what was observed, never what was requested.
public enum Consistency: String, Codable, Sendable, Comparable, CaseIterable {
    /// Less than a power cut leaves: the VM was on an overlay that another run had made, so its disks hold nothing of what it
    /// wrote since; where a commit had begun, they are of no one instant either.
    case stale
    /// What a power cut leaves: every disk at one instant, nothing flushed.
    case crash
    /// The VM was shut off, so its disks were at rest.
    case off
    /// The guest's file systems were frozen while its disks moved to their overlays.
    case quiesced
    /// Disks and RAM of one instant.
    case memory

    /// Orders by worth: `stale` is the least.
    public static func < (left: Consistency, right: Consistency) -> Bool {
        left.rank < right.rank
    }

    private var rank: Int {
        switch self {
        case .stale: -1
        case .crash: 0
        case .off: 1
        case .quiesced: 2
        case .memory: 3
        }
    }
}
