package import Hypervisor
package import ZFS

/// One cycle from pre-snapshot to the release of every VM, as its state file keeps it.
package struct Run: Sendable, Codable, Equatable {
    /// The state file's format; a file with a higher one is not touched.
    static let format = 3

    package enum Phase: String, Sendable, Codable {
        case freezing, frozen, releasing, released
    }

    var format = 1
    /// Sorts by time: `20261121T110000Z-1f3c9a`.
    package let id: RunID
    /// The program that takes the snapshots.
    package let manager: String
    /// The datasets that the manager named.
    package let targets: [DatasetName]
    /// Those of `targets` whose children are snapshotted along.
    package let recursiveTargets: [DatasetName]
    /// The snapshots that the manager announced.
    package var snapshots: [SnapshotName]
    package var phase: Phase
    package var machines: [VMRecord]
    /// When all its VMs had been frozen, in seconds since 1970; nil: they were not all.
    package var frozenAt: Int64?
    /// The GUIDs of the snapshots that had the announced names before anything was frozen: what they hold is of before. One of
    /// another GUID has taken its place since. Nil: none was seen.
    package var existing: [String]?
    /// Whether it is known that no snapshot was taken while they were held.
    package var isUntaken: Bool?
    /// Why and when the VMs were released before post-snapshot came; nil: they were not.
    package var earlyRelease: EarlyRelease?

    package init(
        format: Int = 1, id: RunID, manager: String, targets: [DatasetName], recursiveTargets: [DatasetName],
        snapshots: [SnapshotName], phase: Phase, machines: [VMRecord], frozenAt: Int64? = nil,
        isUntaken: Bool? = nil, earlyRelease: EarlyRelease? = nil
    ) {
        self.format = format
        self.id = id
        self.manager = manager
        self.targets = targets
        self.recursiveTargets = recursiveTargets
        self.snapshots = snapshots
        self.phase = phase
        self.machines = machines
        self.frozenAt = frozenAt
        self.isUntaken = isUntaken
        self.earlyRelease = earlyRelease
    }

    /// What it must be written in: versions that do not know the word `stale` know format 1, and those that move disks whatever
    /// they do know format 2.
    var neededFormat: Int {
        if machines.contains(where: \.hasLaterStrategy) { return 3 }
        return machines.contains { $0.consistency == .stale } ? 2 : 1
    }
}

/// A release that post-snapshot did not ask for: by the watchdog, or by recovery.
package struct EarlyRelease: Sendable, Codable, Equatable {
    /// When it began, in seconds since 1970. A snapshot that was taken later holds VMs that were writing.
    package let began: Int64
    /// In words, for the report.
    package let reason: String

    package init(began: Int64, reason: String) {
        self.began = began
        self.reason = reason
    }
}

/// One VM in a run.
package struct VMRecord: Sendable, Codable, Equatable {
    package enum Phase: String, Sendable, Codable {
        case planned, freezing, frozen, releasing, released, failed
    }

    /// A strategy that was not available, and why.
    package struct Fallback: Sendable, Codable, Equatable {
        package let strategy: Strategy
        package let reason: String
        /// In a word; nil in files of older versions.
        package let code: ReasonCode?

        package init(strategy: Strategy, reason: String, code: ReasonCode? = nil) {
            self.strategy = strategy
            self.reason = reason
            self.code = code
        }
    }

    /// Name of the hypervisor's section.
    package let hypervisor: String
    package let id: String
    package let name: String
    /// The snapshotted datasets that hold its disks.
    package let datasets: [DatasetName]
    package var phase: Phase = .planned
    /// The strategy that was carried out.
    package var strategy: Strategy?
    package var consistency: Consistency?
    /// Of a VM that is stale: when it wrote to its disks last, in seconds since 1970; nil where nothing tells.
    package var staleSince: Int64?
    package var fallbacks: [Fallback] = []
    /// What an administrator should know of this VM.
    package var notes: [String] = []
    /// Why it is less than what was carried out promises; nil where it is not.
    package var loweredBy: ReasonCode?
    package var frozenFileSystems: Int?
    package var listedFileSystems: Int?
    package var frozenMilliseconds: Int64?
    /// The disks of a VM that is off, as they were before the snapshot; nil where it is not, or they are not this host's.
    package var disksAtRest: [DiskAtRest]?
    /// `SealedContent.id` of what was kept of it for this run's snapshots; nil where nothing was.
    package var kept: String?
    /// The guest's RAM, dumped and whole, in `ram_dir`.
    package var ramDump: RAMDump?
    /// In seconds since 1970: the dump is of no snapshot that was taken later. Set where the claim was lowered because
    /// nobody could say when the snapshot was taken; nil otherwise.
    package var ramUsableUntil: Int64?
    /// How long the guest stood still for it.
    package var pausedMilliseconds: Int64?
    /// What its overlays held when they were committed; nil where it had none, or nobody saw it.
    package var overlayBytes: UInt64?
    /// Why and when this VM was released before the others of its run; nil: it was not.
    package var earlyRelease: EarlyRelease?
    /// What must be undone; nil when nothing is held.
    package var freezeState: FreezeState?

    /// State files have the names of their first version.
    private enum CodingKeys: String, CodingKey {
        case hypervisor, id, name, datasets, phase, strategy, consistency, staleSince
        case fallbacks = "falls"
        case notes, loweredBy, frozenFileSystems, listedFileSystems, frozenMilliseconds, disksAtRest, kept, ramDump,
            ramUsableUntil
        case pausedMilliseconds, overlayBytes, earlyRelease
        case freezeState = "hold"
    }

    package init(hypervisor: String, id: String, name: String, datasets: [DatasetName], notes: [String] = []) {
        self.hypervisor = hypervisor
        self.id = id
        self.name = name
        self.datasets = datasets
        self.notes = notes
    }

    /// Something of it was frozen, or was to be, by a strategy that came with format 3.
    fileprivate var hasLaterStrategy: Bool {
        ([strategy, freezeState?.strategy] + fallbacks.map(\.strategy)).contains { strategy in
            strategy.map { $0.changesMachine && !$0.movesDisks } ?? false
        }
    }

    /// Lowers what is claimed to that; what is less stays.
    /// - Parameter code: why, in a word.
    package mutating func downgrade(to limit: Consistency, because code: ReasonCode) {
        if consistency ?? .memory > limit || loweredBy == nil { loweredBy = loweredBy ?? code }
        consistency = min(consistency ?? limit, limit)
    }

    /// Why the VM got no more, in a word: what lowered the claim, else why the last strategy that was tried failed. Nil where
    /// it got what its first strategy is for.
    package var reason: ReasonCode? {
        if let loweredBy { return loweredBy }
        if let last = fallbacks.last, fellShort { return last.code ?? .callFailed }
        if consistency == .stale { return .stale }
        return consistency == .crash && strategy == .crashConsistent ? .configured : nil
    }
}
