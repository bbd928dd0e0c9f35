internal import Configuration
internal import Engine
internal import Hypervisor
internal import Support

/// Disks whose place is not known, and those that keep a VM from being more than crash-consistent.
struct DiskCheck: Sendable {
    let machines: [VirtualMachine]
    let plans: [PlannedVM]

    func findings() -> [Finding] {
        let unresolved = machines.flatMap { machine in
            (machine.unresolved ?? []).map {
                Finding(.diskUnresolved, splitting: "\(printable(machine.name)): \($0)")
            }
        }
        let refused = plans.filter { $0.strategies.first?.movesDisks == true }.flatMap { planned in
            planned.disks.compactMap(\.refusal).map {
                let others = planned.strategies.filter { $0.changesMachine && !$0.movesDisks }
                let last =
                    planned.onFailure == .abort && !planned.strategies.contains(.crashConsistent)
                    ? "in no consistent snapshot (on_failure = abort)" : "crash-consistent only"
                let instead = others.map { printable($0.rawValue, limit: 300) } + [last]
                return Finding(
                    .diskRefused,
                    "\(printable(planned.machine.name)) will be \(instead.joined(separator: ", or ")): \($0)",
                    fix: "change that disk, or accept it with: strategy = crash-consistent")
            }
        }
        return unresolved + refused
    }
}
