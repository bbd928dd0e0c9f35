/// What a VM got on one day, or in one week.
struct DayCell: Sendable, Equatable {
    var best = Grade.none
    var worst = Grade.none
    var evidence = Evidence.unknown

    mutating func add(_ grade: Grade, _ evidence: Evidence) {
        add(DayCell(best: grade, worst: grade, evidence: evidence))
    }

    mutating func add(_ other: DayCell) {
        guard other.worst != .none else { return }
        best = max(best, other.best)
        worst = worst == .none ? other.worst : min(worst, other.worst)
        evidence = max(evidence, other.evidence)
    }

    /// `quiesced`; `worst fallback to crash-consistent, best quiesced`.
    var text: String {
        let claim = best == worst ? worst.name : "worst \(worst.name), best \(best.name)"
        return evidence == .unknown ? claim : "\(claim), evidence \(evidence.name)"
    }
}

/// What the file systems in snapshots themselves say; of several the highest counts.
enum Evidence: UInt8, Sendable, Comparable {
    case unknown
    case clean
    case dirty

    static func < (left: Evidence, right: Evidence) -> Bool { left.rawValue < right.rawValue }

    var name: String {
        switch self {
        case .unknown: "unknown"
        case .clean: "clean"
        case .dirty: "dirty"
        }
    }
}
