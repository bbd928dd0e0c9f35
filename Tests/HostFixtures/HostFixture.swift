package import Configuration
package import DiskLocation
internal import Engine
import Glibc
package import Hypervisor
package import RunState
package import SnapshotManagers
import Support
package import TestSupport
import ZFS

/// A storage host made of plain folders: tank, tank/VM, tank/VM/db and tank/other are mounted, overlays/ is not ZFS.
package struct HostFixture {
    package let scratch: ScratchFolder
    let roots: SystemRoots

    init(_ scratch: ScratchFolder) throws {
        self.scratch = scratch
        roots = SystemRoots(
            proc: try scratch.folder("proc"), sys: try scratch.folder("sys"), dev: try scratch.folder("dev"))
        let path = scratch.path
        for folder in ["tank/VM/db", "tank/other", "overlays", "tank/VM/overlays"] { try scratch.folder(folder) }
        var status = stat()
        try required(stat(path, &status) == 0)
        // Of one file system all, as the kernel would say of any of them.
        let device = "\(status.st_dev >> 8 & 0xFFF):\(status.st_dev & 0xFF | (status.st_dev >> 12) & 0xFFFFFF00)"
        try scratch.write(
            "proc/self/mountinfo",
            """
            1 0 8:1 / / rw - ext4 /dev/sda1 rw
            2 1 \(device) / \(path)/tank rw - zfs tank rw
            3 2 \(device) / \(path)/tank/VM rw - zfs tank/VM rw
            4 3 \(device) / \(path)/tank/VM/db rw - zfs tank/VM/db rw
            5 2 \(device) / \(path)/tank/other rw - zfs tank/other rw

            """)
    }

    package func storage() throws -> StorageMap { try StorageMap(roots: roots) }

    /// A disk whose images lie at these places in the scratch folder.
    package func disk(_ target: String, _ images: String..., exclusion: Disk.Exclusion? = nil) -> Disk {
        Disk(target: target, chain: images.map { "\(scratch.path)/\($0)" }, format: "raw", exclusion: exclusion)
    }

    package func machine(_ name: String, power: VirtualMachine.PowerState = .running, _ disks: Disk...)
        -> VirtualMachine
    {
        VirtualMachine(id: "id-of-\(name)", name: name, power: power, disks: disks)
    }

    /// A running VM with its one disk on tank/VM.
    package func web(_ name: String = "web01", power: VirtualMachine.PowerState = .running) -> VirtualMachine {
        machine(name, power: power, disk("vda", "tank/VM/\(name).raw"))
    }

    /// What the configuration's text says.
    package func configuration(_ text: String) throws -> Configuration {
        let path = try scratch.write("stillpoint.conf", text)
        return try Configuration.load(path: path, environment: [:], kinds: ["libvirt", "fake"])
    }

    package func scope(
        _ targets: [String], recursion: Invocation.Recursion = .no, _ configuration: Configuration = Configuration()
    ) throws -> Scope {
        let invocation = Invocation(
            manager: .byHand, phase: .pre, snapshots: try targets.map { try SnapshotName($0 + "@daily") },
            recursion: recursion)
        return try Scope(invocation, configuration) {
            try SanoidConfiguration(directory: configuration.sanoidDirectory)
        }
    }
}

package func withHost<Result>(_ body: (HostFixture) throws -> Result) throws -> Result {
    try withScratchFolder { try body(HostFixture($0)) }
}

/// A run for tests of what is done with runs.
package func makeRun(
    _ id: RunID, targets: [String] = ["tank/VM"], recursive: [String] = [], names: [String] = ["daily"],
    machines: [VMRecord] = []
) throws -> Run {
    let datasets = try targets.map { try DatasetName($0) }
    return Run(
        id: id, manager: "sanoid", targets: datasets, recursiveTargets: try recursive.map { try DatasetName($0) },
        snapshots: try datasets.flatMap { dataset in try names.map { try SnapshotName(dataset: dataset, name: $0) } },
        phase: .frozen, machines: machines)
}

package func makeRecord(
    _ name: String, on datasets: [String] = ["tank/VM"], _ consistency: Consistency? = .quiesced
) throws -> VMRecord {
    var record = VMRecord(
        hypervisor: "local", id: "id-of-\(name)", name: name, datasets: try datasets.map { try DatasetName($0) })
    record.consistency = consistency
    return record
}

package let someHold = FreezeState(
    step: .held, snapshot: "stillpoint-1",
    disks: [OverlayDisk(target: "vda", base: "/tank/a, b.raw", baseFormat: "raw", overlay: "/o/a.qcow2")])
