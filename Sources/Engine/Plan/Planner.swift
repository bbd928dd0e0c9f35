package import Configuration
package import DiskLocation
package import Hypervisor
package import RunState
package import ZFS

/// Finds the VMs whose disks a snapshot takes, and chooses what to try for each.
package struct Planner: Sendable {
    package var scope: Scope
    package let storage: StorageMap
    package let configuration: Configuration
    /// Of the snapshots that are about to be taken.
    let types: [String]

    package init(scope: Scope, storage: StorageMap, configuration: Configuration, types: [String] = []) {
        self.scope = scope
        self.storage = storage
        self.configuration = configuration
        self.types = types
    }

    /// Whether some VM could be concerned at all, answered without asking a hypervisor.
    package var mayConcernMachines: Bool {
        !configuration.ignores(scope.datasets(of: storage), types: types)
    }

    /// The plan for one hypervisor's VMs.
    package func plan(_ machines: [VirtualMachine], of hypervisor: any Hypervisor) -> [PlannedVM] {
        survey(machines, of: hypervisor).filter { !$0.isIgnored }
    }

    /// The plan with those VMs that `ignore` leaves out of it.
    package func survey(_ machines: [VirtualMachine], of hypervisor: any Hypervisor) -> [PlannedVM] {
        let walk = PathLocator()
        return machines.compactMap { plan($0, of: hypervisor, by: walk) }
    }

    private func plan(
        _ machine: VirtualMachine, of hypervisor: any Hypervisor, by walk: PathLocator
    ) -> PlannedVM? {
        var disks: [Disk] = []
        var datasets: [DatasetName] = []
        var onOverlays: [Disk] = []
        var notes = machine.notes + (machine.unresolved ?? [])
        let machine = withWholeChains(machine)
        for disk in machine.disks {
            let places = places(of: disk, by: walk)
            guard let held = places.first(where: { !$0.isEmpty }) else { continue }
            if let exclusion = disk.exclusion {
                if let note = exclusion.note(disk.target) { notes.append(note) }
                continue
            }
            datasets += held.filter { !datasets.contains($0) }
            if disk.overlay != nil { onOverlays.append(disk) }
            if let top = places.first, !top.isEmpty {
                disks.append(disk)
            } else {
                notes.append("\(disk.target) writes to \(disk.source ?? "?"), which this snapshot does not hold")
            }
        }
        guard let first = datasets.first else { return nil }
        let policy = configuration.policy(of: machine, on: first, types: types)
        return PlannedVM(
            hypervisor: hypervisor, machine: machine, disks: disks, datasets: datasets.sorted(),
            strategies: policy.strategies ?? [], onFailure: policy.onFailure ?? .continue, notes: notes,
            disksOnOverlays: onOverlays, strategyLine: policy.strategyLine, onFailureLine: policy.onFailureLine)
    }

    private func withWholeChains(_ machine: VirtualMachine) -> VirtualMachine {
        machine.with(disks: machine.disks.map { $0.over(layers(below: $0, of: machine)) })
    }

    /// libvirt lists the backing images of a running domain; for one that is off they are read from the images.
    private func layers(below disk: Disk, of machine: VirtualMachine) -> [ImageChain.Layer] {
        guard machine.power == .off, disk.datasets == nil, disk.chain.count == 1, let top = disk.source else {
            return []
        }
        return ImageChain.layers(below: top, format: disk.format)
    }

    /// The snapshotted datasets that hold each image of a disk.
    private func places(of disk: Disk, by walk: PathLocator) -> [[DatasetName]] {
        disk.datasets?.map { $0.filter(scope.contains) } ?? disk.chain.map { found(at: $0, by: walk) }
    }

    /// The snapshotted datasets that hold an image; none for one that is not on this host or not there.
    private func found(at path: String, by walk: PathLocator) -> [DatasetName] {
        guard let location = try? storage.locate(path, by: walk) else { return [] }
        return location.datasets.filter { scope.contains($0) }.sorted()
    }
}

extension Disk.Exclusion {
    /// The note on an excluded disk on the snapshotted datasets, where that costs consistency.
    fileprivate func note(_ target: String) -> String? {
        switch self {
        case .shareable: "\(target) is shareable and was excluded"
        case .transient:
            "\(target) is transient and was excluded: what the guest writes to it is discarded at its "
                + "shutdown"
        case .readOnly, .cdrom, .floppy, .remote: nil
        }
    }
}

extension Scope {
    /// The targets and, where they are recursive, the children that are known here.
    package func datasets(of storage: StorageMap) -> [DatasetName] {
        targets + recursiveTargets.flatMap { storage.childrenAndSelf(of: $0) }
    }
}
