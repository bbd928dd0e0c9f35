public import ZFS

/// What a hook was called for, whoever called it.
public struct Invocation: Sendable, Equatable {
    /// Whether a snapshot takes in the datasets below its own.
    public enum Recursion: String, Sendable {
        /// It does not.
        case no
        /// It does, or may: where a manager does not tell, freezing more than needed is the safe side.
        case yes
        /// The manager's configuration tells; see ``SanoidConfiguration``.
        case auto
    }

    /// Who called.
    public let manager: SnapshotManager
    /// Which hook was called.
    public let phase: Phase
    /// The datasets, without duplicates.
    public let targets: [DatasetName]
    /// The snapshots, without duplicates; empty only by hand, when bare datasets were named.
    ///
    /// After sanoid renamed a snapshot (end of daylight saving time) both spellings are listed, and one of them does
    /// not exist.
    public let snapshots: [SnapshotName]
    /// Whether the datasets below the targets are snapshotted as well.
    public let recursion: Recursion
    /// How long the caller waits before it kills the hook; nil where it is not known.
    public let deadline: Duration?
    /// Whether nothing is to be changed.
    public let isDryRun: Bool
    /// The types of the snapshots (`hourly`), without duplicates: what `[type NAME]` of the configuration is about.
    ///
    /// An empty one stands for a snapshot of no type beside others that have one.
    public let types: [String]
    /// The configuration file that `--config` names.
    public let configurationPath: String?

    /// The snapshots' base names, the part after the `@`, without duplicates and in their order.
    public var snapshotNames: [String] { snapshots.map(\.name).withoutDuplicates }

    /// Takes an invocation's parts; duplicates are removed, and a snapshot's dataset is a target also where `targets`
    /// does not list it.
    public init(
        manager: SnapshotManager, phase: Phase, targets: [DatasetName] = [], snapshots: [SnapshotName],
        recursion: Recursion = .no, deadline: Duration? = nil, isDryRun: Bool = false, configurationPath: String? = nil,
        types: [String] = []
    ) {
        self.manager = manager
        self.phase = phase
        self.targets = (targets + snapshots.map(\.dataset)).withoutDuplicates
        self.snapshots = snapshots.withoutDuplicates
        self.recursion = recursion
        self.deadline = deadline
        self.isDryRun = isDryRun
        self.configurationPath = configurationPath
        self.types = types.withoutDuplicates
    }
}

extension Array where Element: Hashable {
    /// The elements in their order, each once.
    var withoutDuplicates: [Element] {
        var seen: Set<Element> = []
        return filter { seen.insert($0).inserted }
    }
}
