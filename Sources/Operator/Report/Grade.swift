internal import Hypervisor
internal import RunState

/// What a VM got in one run, as the report tells it; the least first.
enum Grade: UInt8, Sendable, Comparable, CaseIterable {
    /// Nothing is known of that day.
    case none
    /// Its run has not ended.
    case open
    /// There is no snapshot.
    case failed
    case stale
    /// Crash-consistent, and it was to get more.
    case fallback
    /// Crash-consistent, as configured.
    case crash
    case off
    case quiesced
    case memory

    static func < (left: Grade, right: Grade) -> Bool { left.rawValue < right.rawValue }

    /// A snapshot that is as good as configured, or better than a power cut leaves.
    var isWell: Bool { self >= .crash }
    /// More than a power cut leaves.
    var isConsistent: Bool { self >= .off }

    init(_ entry: HistoryEntry) {
        switch entry.outcome {
        case .open: self = .open
        case .undone, .untaken: self = .failed
        case .released:
            switch entry.consistency ?? .crash {
            case .stale: self = .stale
            case .crash: self = Self.isFallback(entry) ? .fallback : .crash
            case .off: self = .off
            case .quiesced: self = .quiesced
            case .memory: self = .memory
            }
        }
    }

    /// Restore points do not have the reason, but notes where there was one.
    private static func isFallback(_ entry: HistoryEntry) -> Bool {
        if entry.reason != nil { return entry.fellShort }
        return entry.strategy == nil && !entry.notes.isEmpty
    }
}

extension Grade {
    /// What stands in a cell: ASCII, so that every fixed-width font has it in one width.
    var letter: Character {
        switch self {
        case .none: "."
        case .open: "!"
        case .failed: "X"
        case .stale: "S"
        case .fallback: "F"
        case .crash: "C"
        case .off: "O"
        case .quiesced: "Q"
        case .memory: "M"
        }
    }

    /// Its class in the style sheet.
    var styleClass: String {
        switch self {
        case .none: "n"
        case .open: "w"
        case .failed: "x"
        case .stale: "s"
        case .fallback: "f"
        case .crash: "c"
        case .off: "o"
        case .quiesced: "q"
        case .memory: "m"
        }
    }

    var name: String {
        switch self {
        case .none: "no run"
        case .open: "run not ended"
        case .failed: "no snapshot"
        case .stale: "stale"
        case .fallback: "fallback to crash-consistent"
        case .crash: "crash-consistent as configured"
        case .off: "off"
        case .quiesced: "quiesced"
        case .memory: "memory"
        }
    }

    /// For where there is little room.
    var shortName: String {
        switch self {
        case .fallback: "fallback"
        case .crash: "crash-consistent"
        default: name
        }
    }

    var meaning: String {
        switch self {
        case .none: "No run had this VM on that day, or nothing is known of it any more."
        case .open:
            "The run could not be ended: something of it is still to be released. See stillpoint status and "
                + "stillpoint recover."
        case .failed: "The run was undone, or the snapshot was never taken: there is nothing to restore from."
        case .stale:
            "The VM was on an overlay of another run. The snapshot holds nothing of what it wrote since then."
        case .fallback:
            "What a power cut leaves: every disk at one instant, nothing flushed. The configuration wanted more; the "
                + "reason is below."
        case .crash:
            "What a power cut leaves, and the configuration wants no more for this VM or this type of snapshot."
        case .off: "The VM was shut off, so its disks were at rest."
        case .quiesced: "The guest's file systems were frozen at the moment of the snapshot."
        case .memory: "Disks and RAM of one instant: the VM can be restored running."
        }
    }
}
