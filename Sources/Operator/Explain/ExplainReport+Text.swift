internal import Engine
internal import Hypervisor
internal import RunState
internal import Support

extension ExplainReport.Code {
    /// `agent-silent: The guest agent did not answer in time`
    var text: String {
        var lines = ["\(code)\(severity.map { " (\($0.rawValue))" } ?? ""): \(title)"]
        if let why { lines.append("why it matters: \(why)") }
        if let remedy { lines.append("what to do: \(remedy)") }
        return lines.joined(separator: "\n    ") + "\n"
    }
}

extension ExplainReport.Machine {
    private static let none = "-"

    /// `web01 (c0ffee00-…) on local`, with what is open.
    var head: String {
        var lines = ["\(printable(vm)) (\(printable(vmID))) on \(printable(hypervisor))"]
        if let openRun {
            let held = openRun.machine.heldBy.map(\.rawValue).joined(separator: ", ")
            lines.append(
                "open now: run \(openRun.run), \(openRun.phase.rawValue); \(held.isEmpty ? "not held" : "held: \(held)")"
            )
            lines += openRun.notes.map { "  \(printable($0, limit: 400))" }
        }
        if runs.isEmpty { lines.append("no run that is over is in the history") }
        return lines.joined(separator: "\n    ") + "\n"
    }

    /// Its runs.
    var table: Table {
        var table = Table([
            .init("TIME", keeping: .time), .init("SNAPSHOT", keeping: .end, worth: 3),
            .init("GOT", colour: Colour.ofConsistency), .init("STRATEGY", keeping: .beginning, worth: 2),
            .init("REASON", keeping: .beginning, worth: 4), .init("FROZEN", worth: 1), .init("PAUSED", worth: 0),
            .init("OUTCOME", worth: 5) { $0 == HistoryEntry.Outcome.released.rawValue ? nil : .red },
        ])
        for run in runs {
            let more = run.snapshots.count > 1 ? " +\(run.snapshots.count - 1)" : ""
            table.add([
                RunID(run.run)?.time.map(runTimeText) ?? Self.none,
                run.snapshots.first.map { printable($0, limit: 260) + more } ?? Self.none,
                run.consistency?.rawValue ?? Self.none,
                run.strategy.map { printable($0.rawValue, limit: 200) } ?? Self.none,
                run.reason.map { printable($0.rawValue, limit: 40) } ?? Self.none,
                run.frozenMilliseconds.map { "\($0) ms" } ?? Self.none,
                run.pausedMilliseconds.map { "\($0) ms" } ?? Self.none, run.outcome.rawValue,
            ])
        }
        return table
    }

    /// How often it got what, and what the reasons mean.
    var summary: String {
        var lines = ["in the last \(lastDays.days) days: \(lastDays.runs) run\(lastDays.runs == 1 ? "" : "s")"]
        var shares = lastDays.consistencies.map { "\($0.runs) \($0.word)" }
        let vain = lastDays.runs - lastDays.consistencies.reduce(0) { $0 + $1.runs }
        if vain > 0 { shares.append("\(vain) without a snapshot") }
        if !shares.isEmpty {
            lines[0] += ": " + shares.joined(separator: ", ")
        }
        for reason in lastDays.reasons {
            let code = ReasonCode(rawValue: reason.word)
            lines.append(
                "\(printable(reason.word, limit: 40)), \(reason.runs == 1 ? "once" : "\(reason.runs) times"): \(code.title)"
            )
            lines.append("  what to do: \(code.remedy)")
        }
        return lines.joined(separator: "\n    ") + "\n"
    }
}
