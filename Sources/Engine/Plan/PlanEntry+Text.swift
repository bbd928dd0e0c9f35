internal import Configuration
internal import Hypervisor
internal import Support

extension PlanEntry {
    /// The lines of a dry run.
    package var dryRunLines: [String] {
        let places = disks.filter { $0.handling != .elsewhere && $0.handling != .excluded }.map(\.target)
        let isInVain =
            [.fails, .aborts].contains(expected.first?.outcome) && expected.winner == Strategy.crashConsistent.rawValue
        let verb = isIgnored ? "leave out" : isInVain ? "try in vain to freeze" : "freeze"
        let expectation = expected.lines.first.map { "\(printable(vm)): expected now: \($0)" }
        return [
            "would \(verb) \(printable(vm)) (\(places.joined(separator: ", "))): \(atRest ?? method)",
            "\(printable(vm)): strategy: \(origin(strategyLine)); on_failure = \(onFailure): \(origin(onFailureLine))",
        ] + [expectation].compactMap { $0 } + expected.lines.dropFirst().map { "\(printable(vm)): \($0)" }
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
        lines += zip(["expected:   "] + Array(repeating: "            ", count: expected.count), expected.lines).map(+)
        lines += disks.map { disk in
            let place = disk.datasets.isEmpty ? "no dataset" : disk.datasets.joined(separator: ", ")
            let handling = disk.handling.rawValue + (disk.reason.map { ": \(printable($0, limit: 400))" } ?? "")
            return "\(printable(disk.target)): \(printable(disk.path ?? "?", limit: 400)) (\(place)): \(handling)"
        }
        lines += notes.map { "note: \(printable($0, limit: 400))" }
        return lines.joined(separator: "\n    ") + "\n"
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
