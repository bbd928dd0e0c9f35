package import Hypervisor
package import RAMArchive
package import ZFS

/// What a run left behind: its VMs at the moment of its snapshots. One file a run in `state_dir/restore-points`.
package struct RestorePoint: Sendable, Codable, Equatable {
    /// The file's format; a file with a higher one is not touched.
    static let format = 2

    var format = 1
    package let run: RunID
    package let manager: String
    /// Every snapshot that was announced, or holds a disk of one of its VMs.
    package var snapshots: [RestorePointSnapshot]
    package var machines: [RestorePointVM]
    /// In a side-car: over all else in it.
    var seal: Seal?

    package init(
        format: Int = 1, run: RunID, manager: String, snapshots: [RestorePointSnapshot], machines: [RestorePointVM],
        seal: Seal? = nil
    ) {
        self.format = format
        self.run = run
        self.manager = manager
        self.snapshots = snapshots
        self.machines = machines
        self.seal = seal
    }

    /// The snapshots that hold this VM's disks.
    package func snapshots(of machine: RestorePointVM) -> [RestorePointSnapshot] {
        snapshots.filter { machine.datasets.contains($0.name.dataset) }
    }
}

/// A snapshot that a restore point refers to.
package struct RestorePointSnapshot: Sendable, Codable, Equatable, Hashable {
    package let name: SnapshotName
    /// ZFS's own identity of it, which stays when it is renamed or received elsewhere; nil: it was not there to ask.
    package var guid: String?
    /// True where zfs said that it was not there: one of that name is another one.
    package var wasMissing: Bool?

    package init(name: SnapshotName, guid: String? = nil, wasMissing: Bool? = nil) {
        self.name = name
        self.guid = guid
        self.wasMissing = wasMissing
    }
}

/// One VM of a restore point.
package struct RestorePointVM: Sendable, Codable, Equatable {
    package let hypervisor: String
    package let id: String
    package let name: String
    /// The datasets that hold its disks.
    package let datasets: [DatasetName]
    package let consistency: Consistency
    /// Why it is not more, in a word; nil where nothing is said of it, and in files of older versions.
    package var reason: ReasonCode?
    /// See `VMRecord.staleSince`.
    package var staleSince: Int64?
    package var frozenMilliseconds: Int64?
    package var pausedMilliseconds: Int64?
    package var notes: [String] = []
    package var dump: StoredDump?
    /// See `VMRecord.kept`.
    package var kept: String?

    package init(
        hypervisor: String, id: String, name: String, datasets: [DatasetName], consistency: Consistency,
        reason: ReasonCode? = nil, staleSince: Int64? = nil, frozenMilliseconds: Int64? = nil,
        pausedMilliseconds: Int64? = nil,
        notes: [String] = [], dump: StoredDump? = nil, kept: String? = nil
    ) {
        self.hypervisor = hypervisor
        self.id = id
        self.name = name
        self.datasets = datasets
        self.consistency = consistency
        self.reason = reason
        self.staleSince = staleSince
        self.frozenMilliseconds = frozenMilliseconds
        self.pausedMilliseconds = pausedMilliseconds
        self.notes = notes
        self.dump = dump
        self.kept = kept
    }
}

/// The RAM of a VM of a restore point.
package struct StoredDump: Sendable, Codable, Equatable {
    /// Where it is: in `ram_dir`, or packed in cold storage.
    package var path: String
    /// Length of the dump as libvirt wrote it.
    package let bytes: UInt64
    /// Nil as long as it is where libvirt wrote it.
    package var packed: PackedDump?
    /// Why it is not in cold storage yet.
    package var problem: String?
    /// Where it was before it was packed, as long as it has not been removed from there.
    package var source: String?
    /// See `VMRecord.ramUsableUntil`.
    package var usableUntil: Int64?

    package init(
        path: String, bytes: UInt64, packed: PackedDump? = nil, problem: String? = nil, source: String? = nil,
        usableUntil: Int64? = nil
    ) {
        self.path = path
        self.bytes = bytes
        self.packed = packed
        self.problem = problem
        self.source = source
        self.usableUntil = usableUntil
    }
}

extension RestorePoint {
    /// What is recorded of a run that has ended.
    package init(_ run: Run, snapshots: [RestorePointSnapshot]) {
        self.init(
            run: run.id, manager: run.manager, snapshots: snapshots,
            machines: run.machines.map { record in
                RestorePointVM(
                    hypervisor: record.hypervisor, id: record.id, name: record.name, datasets: record.datasets,
                    consistency: record.consistency ?? .crash, reason: record.reason, staleSince: record.staleSince,
                    frozenMilliseconds: record.frozenWindow,
                    pausedMilliseconds: record.pausedMilliseconds,
                    notes: record.reasonsInWords,
                    dump: record.ramDump.map {
                        StoredDump(path: $0.path, bytes: $0.bytes, usableUntil: record.ramUsableUntil)
                    }, kept: record.kept)
            })
        // Whatever the run's own file needs: of the strategies nothing is recorded here.
        format = machines.contains { $0.consistency == .stale } ? 2 : 1
    }
}
