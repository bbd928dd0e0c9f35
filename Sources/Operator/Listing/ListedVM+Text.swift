internal import Hypervisor
internal import Support

extension ListedVM {
    /// The table of `stillpoint list`.
    static func table(_ machines: some Sequence<ListedVM>) -> Table {
        var table = Table([
            .init("SNAPSHOT", keeping: .end), .init("VM", keeping: .beginning),
            .init("CONSISTENCY", colour: Colour.ofConsistency), .init("REASON", keeping: .beginning, worth: 4),
            .init("FROZEN", worth: 0),
            .init("RAM", worth: 1),
            .init("PLACE", keeping: .beginning, worth: 3) { $0.hasPrefix("missing") ? .red : nil },
            .init("AGE", worth: 2),
        ])
        for machine in machines {
            table.add([
                printable(machine.snapshot, limit: 260), printable(machine.vm), machine.consistencyInWords,
                machine.reason.map { printable($0, limit: 40) } ?? "-", machine.pauseText,
                machine.ram.map { formattedBytes($0.storedBytes) } ?? "-", machine.ram?.placeInWords ?? "-",
                machine.ageSeconds.map { ageText($0) } ?? "-",
            ])
        }
        return table
    }

    /// A VM's paragraph in `stillpoint show`.
    var paragraph: String {
        var lines = ["\(printable(vm)): \(consistencyInWords)"]
        if consistency == Consistency.stale.rawValue {
            lines.append("it was on an overlay: the snapshot holds nothing of what it wrote since")
        }
        if let reason { lines.append("reason: \(printable(reason, limit: 40))") }
        if let vmID { lines.append("id: \(printable(vmID))") }
        if let frozenMilliseconds { lines.append("file systems frozen for \(frozenMilliseconds) ms") }
        if let pausedMilliseconds { lines.append("paused for \(pausedMilliseconds) ms") }
        if let ram {
            lines.append(
                "RAM: \(formattedBytes(ram.bytes)) as \(formattedBytes(ram.storedBytes)) in \(printable(ram.path, limit: 400))"
            )
            if !ram.isThere { lines.append("that file is MISSING") }
            if !ram.isSealed { lines.append("not sealed, so not trusted") }
            if let sha256 = ram.sha256 { lines.append("sha256 of the RAM: \(printable(sha256))") }
            if let problem = ram.problem { lines.append("not in cold storage: \(printable(problem, limit: 400))") }
        }
        lines += notes.map { printable($0, limit: 400) }
        return lines.joined(separator: "\n    ") + "\n"
    }

    /// `quiesced`, `stale since 2026-11-21T11:00:00Z`.
    private var consistencyInWords: String {
        printable(staleSince.map { "\(consistency) since \($0)" } ?? consistency)
    }

    private var pauseText: String {
        (frozenMilliseconds ?? pausedMilliseconds).map { "\($0) ms" } ?? "-"
    }
}

extension ListedVM.RAM {
    fileprivate var placeInWords: String {
        if !isThere { return "missing" }
        if problem != nil { return "\(place) (not archived)" }
        return isSealed ? place : "\(place) (not sealed)"
    }
}

/// A span in its largest unit: `3d`.
func ageText(_ seconds: Int64) -> String {
    switch seconds {
    case ..<120: "\(max(0, seconds))s"
    case ..<7200: "\(seconds / 60)m"
    case ..<172_800: "\(seconds / 3600)h"
    default: "\(seconds / 86400)d"
    }
}
