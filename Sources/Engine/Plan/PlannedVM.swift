package import Configuration
package import Hypervisor
package import RunState
package import ZFS

/// A VM that a snapshot concerns, and what is to be done with it.
package struct PlannedVM: Sendable {
    package let hypervisor: any Hypervisor
    package let machine: VirtualMachine
    /// Writable disks on the snapshotted datasets.
    package let disks: [Disk]
    /// The snapshotted datasets that hold its disks.
    package let datasets: [DatasetName]
    /// Tried in this order.
    package let strategies: [Strategy]
    package let onFailure: Policy.OnFailure
    /// What costs consistency whatever is done.
    package let notes: [String]
    /// The disks whose bases are on the snapshotted datasets, while the guest writes to an overlay that a run made.
    var disksOnOverlays: [Disk] = []
    /// Where `strategies` is from; nil: it is the default.
    var strategyLine: SettingLine?
    /// Where `onFailure` is from; nil: it is the default.
    var onFailureLine: SettingLine?

    /// The runs whose overlays it is on; nil: of one that is not known.
    package var overlayRuns: [String?] { disksOnOverlays.map { $0.overlay?.run } }

    /// It is left out: `strategy = ignore`.
    package var isIgnored: Bool { strategies == [.ignore] }
}

extension [PlannedVM] {
    /// The running VM that has one of these disks too, as a second definition of a VM has.
    func runningUser(of disks: [Disk]) -> PlannedVM? {
        let paths = Set(disks.compactMap(\.source))
        return first { planned in
            !planned.machine.power.isAtRest
                && planned.machine.disks.contains { disk in !paths.isDisjoint(with: disk.chain) }
        }
    }

    /// Without what a migration leaves: the definition of a VM that is off here and runs elsewhere, of one id and on the
    /// same disks.
    package var withoutLeftBehind: [PlannedVM] {
        let elsewhere = Dictionary(grouping: filter { !$0.machine.power.isAtRest }, by: \.machine.id)
        return filter { planned in
            guard planned.machine.power.isAtRest, !planned.disks.isEmpty else { return true }
            return elsewhere[planned.machine.id]?.contains { other in
                other.hypervisor.name != planned.hypervisor.name
                    && other.disks.map(\.source) == planned.disks.map(\.source)
            } != true
        }
    }
}

extension PlannedVM {
    package var key: VMKey { VMKey(machine.id, of: hypervisor.name) }
}
