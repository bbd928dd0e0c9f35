internal import Hypervisor

/// What docs/findings.md and `stillpoint-findings(7)` say of a kind of findings, besides its
/// title and why it matters.
///
/// In sentences. Between backquotes stands what is typed, or stands in a file.
struct FindingGuide: Sendable {
    /// What the title says, at length.
    let meaning: String
    /// What was compared with what.
    let detection: String
    /// What to do about it.
    let remedy: String
}

extension FindingCode {
    /// Nil: nothing is written of it yet, which a test forbids.
    var guide: FindingGuide? {
        for guides in FindingGuide.families {
            if let guide = guides[self] { return guide }
        }
        return nil
    }

    /// What to do about it, in sentences.
    var remedy: String { guide?.remedy ?? "" }
}

extension FindingGuide {
    static let families = [
        ofConfiguration, ofHypervisors, ofGuests, ofSpace, ofHost, ofSnapshotManager, ofLeftovers, ofRemains,
        ofMonitoring,
    ]
}
