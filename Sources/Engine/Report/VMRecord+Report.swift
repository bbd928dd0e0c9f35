internal import Hypervisor
package import Logging
package import RunState
internal import SnapshotManagers
internal import Support

extension VMRecord {
    /// The VM's line in the report: its name, what it got, and why not more.
    package var reportLine: String {
        var line = "\(printable(name)): \(summary)"
        if consistency == .stale {
            let state = staleness(since: staleSince)
            line = "\(printable(name)): \(state): the snapshot holds nothing of what it wrote since"
        }
        if let frozen = frozenFileSystems, let milliseconds = frozenMilliseconds, frozen > 0 {
            let count = listedFileSystems.map { "\(frozen) of \($0)" } ?? "\(frozen)"
            line += ", \(count) file systems frozen for \(milliseconds) ms"
        }
        if let ramDump {
            line += ", \(ramDump.bytes >> 20) MiB of RAM"
        }
        if ramDump != nil || isPaused, let milliseconds = pausedMilliseconds {
            line += ", paused for \(milliseconds) ms"
        }
        return line + inBrackets(reasonsInWords)
    }

    /// The line of a hook that comes after one which has told of the VM: what was said is not repeated, what is new is.
    /// Nil where nothing is: one journal may have both hooks' lines.
    /// - Parameters:
    ///   - told: the VM as it was then.
    ///   - isSame: whether the same program told.
    func reportLine(after told: VMRecord, bySame isSame: Bool = false) -> String? {
        guard consistency == .crash, told.consistency == .crash, !isPaused else { return reportLine }
        let new = reasonsInWords.filter { !told.reasonsInWords.contains($0) }
        guard !new.isEmpty else { return nil }
        let who = isSame ? "as said" : "as pre-snapshot said"
        return "\(printable(name)): \(Consistency.crash.summary), \(who)" + inBrackets(new)
    }

    private var summary: String {
        if consistency == .off, strategy == .shutdown {
            let isBack = freezeState == nil && phase == .released
            return "shut down for the snapshot" + (isBack ? " and started again" : "")
        }
        // It got what it was to get.
        if isPaused { return "crash-consistent" + (pausedMilliseconds == nil ? ", paused" : "") }
        return consistency?.summary ?? "not frozen"
    }

    /// By `pause`, and that was the first choice; not one that was paused already.
    package var isPaused: Bool {
        consistency == .crash && strategy == .pause && fallbacks.isEmpty
            && (pausedMilliseconds != nil || freezeState?.strategy == .pause)
    }

    /// Its first strategy promises no more, and there is nothing else to be said of it.
    package var isCrashConsistentAsConfigured: Bool {
        consistency == .crash && wanted == .crashConsistent && reasonsInWords.isEmpty
    }

    private func inBrackets(_ reasons: [String]) -> String {
        reasons.isEmpty ? "" : " (\(reasons.joined(separator: "; ")))"
    }
}

extension Run {
    /// Logs a line for each VM but those whose release failed: what is to be said of them is that, and not what they got.
    /// - Parameter told: the run as it was when pre-snapshot told of it; nil: it did not, or elsewhere.
    package func report(after told: Run?, to log: Logger) {
        for machine in machines where machine.freezeState == nil || machine.phase != .failed {
            // What was told at the end of a freeze that did not come to its end nobody knows.
            let before = told?.frozenAt == nil ? nil : told?.machines.first { $0.key == machine.key }
            let isSame = manager == SnapshotManager.stillpoint.rawValue
            guard let line = before.map({ machine.reportLine(after: $0, bySame: isSame) }) ?? machine.reportLine else {
                continue
            }
            log.log(level: machine.consistency == .stale ? .error : .info, "\(line)")
        }
    }
}

extension Consistency {
    fileprivate var summary: String {
        switch self {
        case .stale: "stale"
        case .crash: "crash-consistent only"
        case .off: "shut off, consistent as it is"
        case .quiesced: "quiesced"
        case .memory: "disks and RAM of one instant"
        }
    }
}

/// `stale since 2026-11-21T11:00:00Z`: what a VM is called whose disks hold nothing newer.
/// - Parameter time: in seconds since 1970; nil: nothing tells.
package func staleness(since time: Int64?) -> String {
    time.map { "\(Consistency.stale.rawValue) since \(utcText($0))" } ?? Consistency.stale.rawValue
}
