internal import Hypervisor
internal import ZFS

/// A VM that a snapshot concerns, and what is to be done with it.
struct PlannedMachine: Sendable {
    let hypervisor: any Hypervisor
    let machine: VirtualMachine
    /// Writable disks on the snapshotted datasets.
    let disks: [Disk]
    /// The snapshotted datasets that hold its disks.
    let datasets: [DatasetName]
    /// Tried in this order.
    let strategies: [Strategy]
    let onFailure: Policy.OnFailure
    /// What costs consistency whatever is done.
    let notes: [String]
    /// The disks whose bases are on the snapshotted datasets, while the guest writes to an overlay that a run made.
    var disksOnOverlays: [Disk] = []
}

extension [PlannedMachine] {
    /// The running VM that has one of these disks too, as a second definition of a VM has.
    func runningUser(of disks: [Disk]) -> PlannedMachine? {
        let paths = Set(disks.compactMap(\.source))
        return first { planned in
            !planned.machine.power.isAtRest
                && planned.machine.disks.contains { disk in !paths.isDisjoint(with: disk.chain) }
        }
    }
}

extension PlannedMachine {
    var key: MachineKey { MachineKey(machine.id, of: hypervisor.name) }
}
