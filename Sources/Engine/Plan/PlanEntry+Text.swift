internal import Configuration
internal import Hypervisor
internal import Support

extension PlanEntry {
    /// The lines of a dry run.
    package var dryRunLines: [String] {
        let places = disks.filter { $0.handling != .elsewhere && $0.handling != .excluded }.map(\.target)
        let isInVain =
            [.fails, .aborts].contains(expected.first?.outcome)
            && [Strategy.crashConsistent.rawValue, Consistency.stale.rawValue].contains(expected.winner)
        let verb = isIgnored ? "leave out" : isInVain ? "try in vain to freeze" : "freeze"
        let outcomes = self.outcomes
        let expectation = outcomes.first.map { "\(printable(vm)): expected now: \($0)" }
        return [
            "would \(verb) \(printable(vm)) (\(places.joined(separator: ", "))): \(atRest ?? method)",
            "\(printable(vm)): strategy: \(origin(strategyLine)); on_failure = \(onFailure): \(origin(onFailureLine))",
        ] + [expectation].compactMap { $0 } + outcomes.dropFirst().map { "\(printable(vm)): \($0)" }
    }

    /// The block of `stillpoint plan`.
    package var paragraph: String {
        var lines = [
            "\(printable(vm))\(title.map { " (\(printable($0)))" } ?? ""): \(atRest ?? power), on \(printable(hypervisor))"
        ]
        lines.append("strategy:   \(method)")
        lines.append("            \(origin(strategyLine))")
        if !isIgnored {
            lines.append("on_failure: \(onFailure)")
            lines.append("            \(origin(onFailureLine))")
        }
        lines += zip(["expected:   "] + Array(repeating: "            ", count: expected.count), outcomes).map(+)
        lines += disks.map { disk in
            let place = disk.datasets.isEmpty ? "no dataset" : disk.datasets.joined(separator: ", ")
            let handling = disk.handling.rawValue + (disk.reason.map { ": \(printable($0, limit: 400))" } ?? "")
            return "\(printable(disk.target)): \(printable(disk.path ?? "?", limit: 400)) (\(place)): \(handling)"
        }
        lines += notes.map { "note: \(printable($0, limit: 400))" }
        return lines.joined(separator: "\n    ") + "\n"
    }

    /// What is expected, and what comes before it.
    private var outcomes: [String] {
        guard let first = expected.lines.first, let waitsFor else { return expected.lines }
        return ["\(waitsFor): \(first)"] + expected.lines.dropFirst()
    }

    /// Why nothing has to be frozen; nil where the VM is up.
    private var atRest: String? {
        switch VirtualMachine.PowerState(rawValue: power) {
        case _ where isIgnored: nil
        case .off: "shut off"
        case .suspended: "suspended"
        default: nil
        }
    }

    private var method: String { strategies.map { printable($0, limit: 400) }.joined(separator: ", else ") }

    private func origin(_ line: SettingLine?) -> String { line?.description ?? "default" }
}
