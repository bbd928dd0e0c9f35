internal import Configuration
package import Hypervisor
internal import RunState
internal import Support
internal import ZFS

extension Planner {
    /// The VMs that may be concerned and are not touched, since it is not known where a disk of theirs is, in words.
    ///
    /// Those that are planned say it in their notes.
    package func doubts(about machines: [VirtualMachine], planned: [PlannedVM]) -> [String] {
        let known = Set(planned.map(\.machine.id))
        return machines.filter { !known.contains($0.id) }.compactMap { machine in
            guard let disks = machine.unresolved, !disks.isEmpty, !isIgnored(machine) else { return nil }
            return "\(printable(machine.name)) may have a disk on what is snapshotted and is not touched: "
                + disks.joined(separator: "; ")
        }
    }

    private func isIgnored(_ machine: VirtualMachine) -> Bool {
        scope.targets.allSatisfy {
            configuration.policy(of: machine, on: $0, types: types).strategies == [.ignore]
        }
    }
}
