internal import Hypervisor
internal import ZFS

/// One cycle from pre-snapshot to the release of every VM, as its state file keeps it.
struct Run: Sendable, Codable, Equatable {
    /// The state file's format; a higher one is left alone.
    static let format = 2

    enum Phase: String, Sendable, Codable {
        case freezing, frozen, releasing, released
    }

    var format = 1
    /// Sorts by time: `20261121T110000Z-1f3c9a`.
    let id: RunID
    /// The program that takes the snapshots.
    let manager: String
    /// The datasets that the manager named.
    let targets: [DatasetName]
    /// Those of `targets` whose children are snapshotted along.
    let recursiveTargets: [DatasetName]
    /// The snapshots that the manager announced.
    var snapshots: [SnapshotName]
    var phase: Phase
    var machines: [MachineRecord]
    /// When all its VMs had been frozen, in seconds since 1970; nil: they were not all.
    var frozenAt: Int64?
    /// Whether it is known that no snapshot was taken while they were held.
    var isUntaken: Bool?
    /// Why and when the VMs were let go before post-snapshot came; nil: they were not.
    var earlyRelease: EarlyRelease?

    /// What it must be written in: versions that do not know the word `stale` know format 1.
    var neededFormat: Int { machines.contains { $0.consistency == .stale } ? 2 : 1 }
}

/// A release that post-snapshot did not ask for: by the guard, or by recovery.
struct EarlyRelease: Sendable, Codable, Equatable {
    /// When it began, in seconds since 1970. A snapshot that was taken later holds VMs that were writing.
    let began: Int64
    /// In words, for the report.
    let reason: String
}

/// One VM in a run.
struct MachineRecord: Sendable, Codable, Equatable {
    enum Phase: String, Sendable, Codable {
        case planned, freezing, frozen, releasing, released, failed
    }

    /// A strategy that was not to be had, and why.
    struct Fall: Sendable, Codable, Equatable {
        let strategy: Strategy
        let reason: String
    }

    /// Name of the hypervisor's section.
    let hypervisor: String
    let id: String
    let name: String
    /// The snapshotted datasets that hold its disks.
    let datasets: [DatasetName]
    var phase: Phase = .planned
    /// The strategy that was carried out.
    var strategy: Strategy?
    var consistency: Consistency?
    /// Of a VM that is stale: when it wrote to its disks last, in seconds since 1970; nil where nothing tells.
    var staleSince: Int64?
    var falls: [Fall] = []
    /// What an administrator should know of this VM.
    var notes: [String] = []
    var frozenFileSystems: Int?
    var listedFileSystems: Int?
    var frozenMilliseconds: Int64?
    /// The disks of a VM that is off, as they were before the snapshot; nil where it is not, or they are not this host's.
    var disksAtRest: [DiskAtRest]?
    /// `SealedContent.id` of what was kept of it for this run's snapshots; nil where nothing was.
    var kept: String?
    /// The guest's RAM, dumped and whole, in `ram_dir`.
    var ramDump: RAMDump?
    /// In seconds since 1970: the dump is of no snapshot that was taken later. Set where the claim was lowered because
    /// nobody could say when the snapshot was taken; nil otherwise.
    var ramUsableUntil: Int64?
    /// How long the guest stood still for it.
    var pausedMilliseconds: Int64?
    /// Why and when this VM was let go before the others of its run; nil: it was not.
    var earlyRelease: EarlyRelease?
    /// What must be let go; nil when nothing is held.
    var hold: Hold?

    init(hypervisor: String, id: String, name: String, datasets: [DatasetName], notes: [String] = []) {
        self.hypervisor = hypervisor
        self.id = id
        self.name = name
        self.datasets = datasets
        self.notes = notes
    }

    /// Lowers what is claimed to that; what is less stays.
    mutating func lower(to limit: Consistency) { consistency = min(consistency ?? limit, limit) }
}
