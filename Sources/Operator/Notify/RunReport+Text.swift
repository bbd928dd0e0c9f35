internal import Hypervisor
internal import RunState
internal import Support
internal import ZFS

/// The report for people.
extension RunReport {
    private static let mostMachines = 200
    private static let mostReasons = 20

    /// `[stillpoint] kvm1: tank/VM: db: crash-consistent (agent-silent)`: short, and ASCII unless a VM's name is not.
    var subject: String {
        let place = datasets.isEmpty ? [] : [Self.cut(shortList(datasets.map(\.rawValue), most: 2), 80)]
        let parts = [Self.cut("[stillpoint] \(host)", 60)] + place + [summary(reason: shortReason)]
        return Self.cut(parts.joined(separator: ": "), 190)
    }

    /// A reason in full has paths and other errors' words, and so no place in a subject.
    private var shortReason: String? {
        guard let one = reasons.first else { return nil }
        if one == Self.untaken { return one }
        guard run == nil else { return one.has("all was undone") ? "all was undone (see mail)" : "see mail" }
        return one.hasPrefix("[hypervisor ")
            ? "a hypervisor did not answer (see mail)" : "pre-snapshot refused (see mail)"
    }

    /// The ellipsis of `printable` would make encoded words of all of a subject.
    private static func cut(_ text: String, _ limit: Int) -> String {
        printable(text, limit: limit).map { $0 == "\u{2026}" ? "..." : String($0) }.joined()
    }

    /// What happened, in a line.
    /// - Parameter one: why, where that concerns more than a VM.
    private func summary(reason one: String?) -> String {
        let what = problems.first.map { first in
            let more = problems.count - 1
            return "\(Self.cut(first.vm, 60)): \(first.result)" + (more > 0 ? ", and \(more) more" : "")
        }
        switch outcome {
        case .test: return "a test"
        case .well: return "well, \(machines.count) \(machines.count == 1 ? "VM" : "VMs")"
        case .open: return "still held: " + (what ?? one ?? "")
        case .fallback: return what ?? one ?? ""
        case .failed where run == nil: return one ?? "failed"
        case .failed: return "failed: " + (one ?? what ?? "")
        }
    }

    /// The lines of a mail.
    var text: String {
        var lines = [
            printable("\(host): \(summary(reason: reasons.first.map { printable($0, limit: 120) }))", limit: 400), "",
        ]
        if !reasons.isEmpty {
            lines += reasons.prefix(Self.mostReasons).map { "* " + printable($0, limit: 1000) } + [""]
        }
        for (name, value) in facts { lines.append(Self.padded(name, 11) + printable(value, limit: 2000)) }
        if !machines.isEmpty { lines += [""] + table }
        for machine in problems.prefix(Self.mostMachines) {
            let why = machine.fallbacks.map { "\($0.strategy.rawValue): \($0.reason)" } + machine.notes
            guard !why.isEmpty else { continue }
            lines += ["", "\(printable(machine.vm)):"]
            lines += why.prefix(Self.mostReasons).map { "  " + printable($0, limit: 1000) }
        }
        if outcome != .well { lines += ["", "What to do:"] + advice.map { "  " + $0 } }
        return lines.map { $0 + "\n" }.joined()
    }

    private var facts: [(String, String)] {
        var facts: [(String, String)] = []
        if let run { facts.append(("run", run.text)) }
        facts.append(("manager", manager))
        if !datasets.isEmpty { facts.append(("datasets", shortList(datasets.map(\.rawValue), most: 20))) }
        if !snapshots.isEmpty { facts.append(("snapshots", shortList(snapshots.map(\.rawValue), most: 20))) }
        facts.append(("began", utcText(began)))
        facts.append(("ended", utcText(ended)))
        return facts
    }

    /// Those with a problem first.
    private var table: [String] {
        let shown = (problems + machines.filter { !$0.isProblem }).prefix(Self.mostMachines)
        let rows =
            [["VM", "wanted", "got"]]
            + shown.map { machine in
                [printable(machine.vm, limit: 40), machine.wanted?.rawValue ?? "-", machine.result].map {
                    printable($0)
                }
            }
        let widths = (0...1).map { column in rows.map { $0[column].count }.max() ?? 0 }
        var lines = rows.map { Self.padded($0[0], widths[0] + 2) + Self.padded($0[1], widths[1] + 2) + $0[2] }
        if machines.count > shown.count { lines.append("and \(machines.count - shown.count) more") }
        return lines
    }

    private var advice: [String] {
        if outcome == .test { return ["nothing"] }
        let names = problems.prefix(3).map { problem in
            "stillpoint explain \(problem.vm.hasPrefix("-") ? "-- " : "")\(shellQuoted(problem.vm))"
        }
        let recovery = problems.contains { $0.consistency == .stale } ? ["stillpoint recover --adopt"] : []
        return recovery + (outcome == .open ? ["stillpoint recover"] : []) + names + ["stillpoint check"]
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
    }
}

extension RunReport.Machine {
    /// `crash-consistent (agent-silent)`
    fileprivate var result: String {
        let got = consistency == .crash ? "crash-consistent" : consistency?.rawValue ?? "nothing"
        return got
            + (reason.flatMap { $0 == .stale ? nil : $0 }.map { " (\(printable($0.rawValue, limit: 40)))" } ?? "")
    }
}
