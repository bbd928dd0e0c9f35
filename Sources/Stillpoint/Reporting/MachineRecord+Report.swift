internal import Hypervisor
internal import Storage

extension MachineRecord {
    /// The VM's line in the report: its name, what it got, and why not more.
    var reportLine: String {
        var line = "\(printable(name)): \(consistency?.inWords ?? "not frozen")"
        if let frozen = frozenFileSystems, let milliseconds = frozenMilliseconds, frozen > 0 {
            let count = listedFileSystems.map { "\(frozen) of \($0)" } ?? "\(frozen)"
            line += ", \(count) file systems frozen for \(milliseconds) ms"
        }
        if let ramDump {
            line += ", \(ramDump.bytes >> 20) MiB of RAM"
            if let milliseconds = pausedMilliseconds { line += ", paused for \(milliseconds) ms" }
        }
        let reasons = falls.map { "\($0.strategy.rawValue): \($0.reason)" } + notes
        return reasons.isEmpty ? line : line + " (\(reasons.joined(separator: "; ")))"
    }
}

extension Consistency {
    fileprivate var inWords: String {
        switch self {
        case .crash: "crash-consistent only"
        case .off: "shut off, consistent as it is"
        case .quiesced: "quiesced"
        case .memory: "disks and RAM of one instant"
        }
    }
}
