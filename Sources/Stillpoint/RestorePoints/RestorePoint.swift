internal import Hypervisor
internal import RAMArchive
internal import ZFS

/// What a run left behind: its VMs at the moment of its snapshots. One file a run in `state_dir/restore-points`.
struct RestorePoint: Sendable, Codable, Equatable {
    /// The file's format; a higher one is left alone.
    static let format = 2

    var format = 1
    let run: RunID
    let manager: String
    /// Every snapshot that was announced, or holds a disk of one of its VMs.
    var snapshots: [KeptSnapshot]
    var machines: [KeptMachine]
    /// In a side-car: over all else in it.
    var seal: Seal?

    /// The snapshots that hold this VM's disks.
    func snapshots(of machine: KeptMachine) -> [KeptSnapshot] {
        snapshots.filter { machine.datasets.contains($0.name.dataset) }
    }
}

/// A snapshot that a restore point refers to.
struct KeptSnapshot: Sendable, Codable, Equatable, Hashable {
    let name: SnapshotName
    /// ZFS's own identity of it, which stays when it is renamed or received elsewhere; nil: it was not there to ask.
    var guid: String?
    /// True where zfs said that it was not there: one of that name is another one.
    var wasMissing: Bool?
}

/// One VM of a restore point.
struct KeptMachine: Sendable, Codable, Equatable {
    let hypervisor: String
    let id: String
    let name: String
    /// The datasets that hold its disks.
    let datasets: [DatasetName]
    let consistency: Consistency
    /// See `MachineRecord.staleSince`.
    var staleSince: Int64?
    var frozenMilliseconds: Int64?
    var pausedMilliseconds: Int64?
    var notes: [String] = []
    var dump: KeptDump?
    /// See `MachineRecord.kept`.
    var kept: String?
}

/// The RAM of a VM of a restore point.
struct KeptDump: Sendable, Codable, Equatable {
    /// Where it is: in `ram_dir`, or packed in cold storage.
    var path: String
    /// Length of the dump as libvirt wrote it.
    let bytes: UInt64
    /// Nil as long as it is where libvirt wrote it.
    var packed: PackedDump?
    /// Why it is not in cold storage yet.
    var problem: String?
    /// Where it was before it was packed, as long as it has not been removed from there.
    var source: String?
    /// See `MachineRecord.ramUsableUntil`.
    var usableUntil: Int64?
}

extension RestorePoint {
    /// What a run that is over leaves.
    init(_ run: Run, snapshots: [KeptSnapshot]) {
        self.init(
            run: run.id, manager: run.manager, snapshots: snapshots,
            machines: run.machines.map { record in
                KeptMachine(
                    hypervisor: record.hypervisor, id: record.id, name: record.name, datasets: record.datasets,
                    consistency: record.consistency ?? .crash, staleSince: record.staleSince,
                    frozenMilliseconds: (record.frozenFileSystems ?? 0) > 0 ? record.frozenMilliseconds : nil,
                    pausedMilliseconds: record.pausedMilliseconds,
                    notes: record.falls.map { "\($0.strategy.rawValue): \($0.reason)" } + record.notes,
                    dump: record.ramDump.map {
                        KeptDump(path: $0.path, bytes: $0.bytes, usableUntil: record.ramUsableUntil)
                    }, kept: record.kept)
            })
        format = run.neededFormat
    }
}
