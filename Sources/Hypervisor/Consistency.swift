/// What a VM really got in a storage snapshot: what was seen, never what was asked for.
public enum Consistency: String, Codable, Sendable, Comparable, CaseIterable {
    /// What a power cut leaves: every disk at one instant, nothing flushed.
    case crash
    /// The VM was shut off, so its disks were at rest.
    case off
    /// The guest's file systems were frozen while its disks were set aside.
    case quiesced
    /// Disks and RAM of one instant.
    case memory

    /// Orders by worth: `crash` is the least.
    public static func < (left: Consistency, right: Consistency) -> Bool {
        left.rank < right.rank
    }

    private var rank: Int {
        switch self {
        case .crash: 0
        case .off: 1
        case .quiesced: 2
        case .memory: 3
        }
    }
}
