public import Hypervisor
public import Storage

/// One cycle from pre-snapshot to the release of every VM, as its state file keeps it.
public struct Run: Sendable, Codable, Equatable {
    /// The state file's format; a higher one is left alone.
    public static let format = 1

    public enum Phase: String, Sendable, Codable {
        case freezing, frozen, releasing, released
    }

    public var format = Run.format
    /// Sorts by time: `20261121T110000Z-1f3c9a`.
    public let id: String
    /// The program that takes the snapshots.
    public let manager: String
    /// The datasets that the manager named.
    public let targets: [DatasetName]
    /// Those of `targets` whose children are snapshotted along.
    public let recursiveTargets: [DatasetName]
    /// The snapshots that the manager announced.
    public var snapshots: [SnapshotName]
    public var phase: Phase
    public var machines: [MachineRecord]
}

/// One VM in a run.
public struct MachineRecord: Sendable, Codable, Equatable {
    public enum Phase: String, Sendable, Codable {
        case planned, freezing, frozen, releasing, released, failed
    }

    /// A strategy that was not to be had, and why.
    public struct Fall: Sendable, Codable, Equatable {
        public let strategy: Strategy
        public let reason: String
    }

    /// Name of the hypervisor's section.
    public let hypervisor: String
    public let id: String
    public let name: String
    /// The snapshotted datasets that hold its disks.
    public let datasets: [DatasetName]
    public var phase: Phase = .planned
    /// The strategy that was carried out.
    public var strategy: Strategy?
    public var consistency: Consistency?
    public var falls: [Fall] = []
    /// What an administrator should know of this VM.
    public var notes: [String] = []
    public var frozenFileSystems: Int?
    public var listedFileSystems: Int?
    public var frozenMilliseconds: Int64?
    /// What must be let go; nil when nothing is held.
    public var hold: Hold?

    init(hypervisor: String, id: String, name: String, datasets: [DatasetName], notes: [String] = []) {
        self.hypervisor = hypervisor
        self.id = id
        self.name = name
        self.datasets = datasets
        self.notes = notes
    }
}
