internal import Engine
internal import Hypervisor
internal import RunState
internal import Support

extension StatusReport {
    /// VMs of a run that are named; the others are counted.
    private static let mostNamed = 12

    /// What is open, and what waits for cold storage.
    var head: String {
        let open = runs.isEmpty && problems.isEmpty ? "no run is open\n" : runs.map(\.paragraph).joined()
        return open + archive.text + (datasets.isEmpty ? "no run is in the history\n" : "")
    }

    /// The last runs.
    var table: Table {
        var table = Table([
            .init("DATASET", keeping: .end), .init("LAST RUN", keeping: .time, worth: 2), .init("AGE", worth: 3),
            .init("VMS", worth: 1), .init("LOWEST", colour: Colour.ofConsistency),
            .init("FELL BACK", worth: 4) { $0 == "0" ? nil : .yellow },
            .init("OUTCOME") { $0 == HistoryEntry.Outcome.released.rawValue ? nil : .red },
            .init("SNAPSHOT", keeping: .end, worth: 0),
        ])
        for last in datasets {
            table.add([
                printable(last.dataset, limit: 260), last.timeText, last.ageSeconds.map(ageText) ?? "-",
                "\(last.machines)", last.consistency?.rawValue ?? "-", "\(last.fellBack)", last.outcome.rawValue,
                last.snapshot.map { printable($0, limit: 260) } ?? "-",
            ])
        }
        return table
    }

    /// `web01 (overlay, frozen for 3 s)`, of as many as are shown.
    fileprivate static func list(_ machines: [HeldVM]) -> String {
        shortList(machines.map { "\(printable($0.vm)) (\($0.holdText))" }, most: mostNamed)
    }
}

extension StatusReport.OpenRun {
    fileprivate var paragraph: String {
        let places = datasets.map { printable($0, limit: 260) }.joined(separator: ", ")
        var lines = [
            "run \(run): \(phase.rawValue), \(printable(manager))\(places.isEmpty ? "" : " on \(places)"), open for "
                + (ageSeconds.map(ageText) ?? "an unknown time")
        ]
        lines.append((needsRecovery ? "problem: " : "") + advice)
        if let id = watchdog?.id { lines.append("watchdog: process \(id)") }
        let held = machines.filter { !$0.heldBy.isEmpty }
        let failed = machines.filter { $0.phase == .failed }
        lines.append("\(machines.count) VM\(machines.count == 1 ? "" : "s"), \(held.count) held")
        if !held.isEmpty { lines.append("held: \(StatusReport.list(held))") }
        if !failed.isEmpty { lines.append("problem: not released: \(StatusReport.list(failed))") }
        return lines.joined(separator: "\n    ") + "\n"
    }
}

extension StatusReport.HeldVM {
    fileprivate var holdText: String {
        guard !heldBy.isEmpty else { return phase.rawValue }
        return heldBy.map(\.rawValue).joined(separator: ", ")
            + (standingStillMilliseconds.map { " for \(Duration.milliseconds($0).text)" } ?? "")
    }
}

extension StatusReport.Archive {
    fileprivate var text: String {
        guard waiting > 0 else { return "" }
        var lines = [
            "archive: \(waiting) RAM dump\(waiting == 1 ? "" : "s"), \(formattedBytes(waitingBytes)), not in cold storage yet"
        ]
        if let moving {
            let percent = moving.bytes == 0 ? 100 : moving.bytesDone * 100 / moving.bytes
            lines.append(
                "process \(moving.process) moves that of \(printable(moving.vm)): \(percent) %, "
                    + "\(formattedBytes(moving.bytesDone)) of \(formattedBytes(moving.bytes))")
        } else {
            lines.append("nobody moves them now; post-snapshot starts it again, and so does: stillpoint archive")
        }
        lines += problems.map { "problem: \(printable($0, limit: 400))" }
        return lines.joined(separator: "\n    ") + "\n"
    }
}

extension StatusReport.LastRun {
    /// `2026-11-21 11:00:00Z`
    fileprivate var timeText: String { RunID(run)?.time.map(runTimeText) ?? "-" }
}

/// `2026-11-21 11:00:00Z`
func runTimeText(_ seconds: Int64) -> String {
    utcText(seconds).split(separator: "T").joined(separator: " ")
}

extension Palette {
    /// A line of `stillpoint status`.
    func statusLine(_ line: String) -> String {
        line.hasPrefix("    problem: ") ? "    " + paint(String(line.dropFirst(4)), .red) : line
    }
}
