/// What every back end does. Calls may run at the same time for different VMs.
public protocol Hypervisor: Sendable {
    /// The configuration's name for it: `local`.
    var name: String { get }

    /// The folder in which frozen VMs' overlays are made, where the back end needs one on this host.
    var overlayDirectory: String? { get }

    /// Where the folder of its overlays is another host's, and lies on storage of this one: its path here.
    var mappedOverlayDirectory: String? { get }

    /// Why none of its VMs can be restored by `restore`, with the way out; nil: they can.
    var obstacleToRestore: String? { get }

    /// How many VMs are worked on at the same time; nil: as many as the general section says.
    var maxParallel: Int? { get }

    /// How often a guest that fails to freeze is asked in all, before its next strategy is tried.
    var freezeAttempts: Int { get }

    /// What the next run would meet, as far as it is no single VM's.
    func findings() async throws -> [Finding]

    /// Why these strategies would not be carried out for a VM that is up, as it is now; those that would be are not there. Asks
    /// the guest, and changes nothing.
    /// - Parameter disks: those on the snapshotted datasets.
    /// - Throws: HypervisorError where the VM cannot be asked about.
    func obstacles(
        to strategies: [Strategy], of machine: VirtualMachine, disks: [Disk]
    ) async throws -> [Strategy: StrategyObstacle]

    /// The formats that a saved definition gives its images (`raw`, `qcow2`), by their paths; those that it does not name
    /// are not there. Nothing is asked or opened for that.
    func imageFormats(in definition: String) throws -> [String: String]

    /// What runs have left behind on its VMs, known by marks of ours alone: also what open runs hold now.
    func leftovers() async throws -> [Leftover]

    /// All VMs it knows.
    func virtualMachines() async throws -> [VirtualMachine]

    /// The VM as it is now; nil when it is not there any more.
    func virtualMachine(id: String) async throws -> VirtualMachine?

    /// Freezes a running VM by `memory` or `quiesce`, whichever is asked for.
    ///
    /// A thrown error whose remedy is `.fallBack` means that nothing is held and all has been undone; with
    /// `.stop`, the last recorded freeze state says what may be left.
    func freeze(_ request: FreezeRequest, record: @escaping RecordFreezeState) async throws -> FreezeResult

    /// Thaws the guest of a VM, which may be frozen still, and waits for nothing else; fine when it is off, or gone.
    /// - Returns: how many file systems the guest says it thawed; 0 also of one that is off.
    /// - Throws: when the guest has not confirmed it: it may be frozen still.
    func thaw(id: String) async throws -> Int

    /// Puts a VM back on its own disks and removes what the freeze made, whatever became of the VM meanwhile.
    ///
    /// May be called again after a failure, from another process too.
    @discardableResult
    func release(_ request: ReleaseRequest, record: @escaping RecordFreezeState) async throws -> ReleaseResult

    /// What must be saved of a VM, besides its disks and RAM, so that it can be made again; nil where all that is
    /// beside its disks already.
    func exportDefinition(of id: String) async throws -> ExportedDefinition?

    /// Switches a VM off at once, as a power cut does; fine when it is off, or gone.
    func stop(id: String) async throws

    /// Refuses whatever can be seen to be wrong with a restore before anything is touched.
    /// - Returns: what is left out of a definition that is not trusted: `devices/hostdev`.
    func checkRestore(_ request: RestoreRequest) async throws -> [String]

    /// Makes a VM from what was saved of it; its disks are in place already. See ``RestoreRequest``.
    ///
    /// When it fails, what it made is undone: a VM of a new name is gone again, one that was there is left defined and
    /// off.
    func restore(_ request: RestoreRequest) async throws -> VirtualMachine

    /// Ends all sessions.
    func close() async
}

extension Hypervisor {
    /// It is not.
    public var mappedOverlayDirectory: String? { nil }
    /// None.
    public var obstacleToRestore: String? { nil }
    /// As many as the general section says.
    public var maxParallel: Int? { nil }
    /// Once, or as often as `freeze` itself asks.
    public var freezeAttempts: Int { 1 }
    /// Its freezes end alone.
    public func thaw(id: String) async throws -> Int { 0 }
    /// Nothing is known to be wrong.
    public func checkRestore(_ request: RestoreRequest) async throws -> [String] { [] }
    /// None.
    public func findings() async throws -> [Finding] { [] }
    /// None is known.
    public func obstacles(
        to strategies: [Strategy], of machine: VirtualMachine, disks: [Disk]
    ) async throws -> [Strategy: StrategyObstacle] { [:] }
    /// None.
    public func imageFormats(in definition: String) throws -> [String: String] { [:] }
    /// None.
    public func leftovers() async throws -> [Leftover] { [] }
}

/// What is asked of `Hypervisor.freeze`.
public struct FreezeRequest: Sendable {
    /// The VM as it was when the run was planned.
    public let machine: VirtualMachine
    /// The disks to freeze: writable ones on the snapshotted datasets.
    public let disks: [Disk]
    /// What to do with it: `memory`, `quiesce` or `freeze`.
    public let strategy: Strategy
    /// The run's id; what the back end creates carries it in its name.
    public let run: String
    /// When the manager stops waiting.
    public let deadline: ContinuousClock.Instant?
    /// The dataset to whose share of what all VMs use together this one counts.
    public let dataset: String

    /// A request with these parts.
    public init(
        machine: VirtualMachine, disks: [Disk], strategy: Strategy, run: String,
        deadline: ContinuousClock.Instant? = nil, dataset: String = ""
    ) {
        self.machine = machine
        self.disks = disks
        self.strategy = strategy
        self.run = run
        self.deadline = deadline
        self.dataset = dataset
    }
}

/// What a freeze achieved.
public struct FreezeResult: Sendable, Equatable {
    /// What the VM got.
    public var consistency: Consistency
    /// File systems that the guest says it froze, of those it lists on the affected disks (nil: it cannot list them).
    public var frozenFileSystems: Int
    /// Nil where the guest cannot list them.
    public var listedFileSystems: Int?
    /// From the freeze request to the answer to the thaw, on the host's clock.
    public var frozenFor: Duration
    /// What an administrator should know though it worked.
    public var notes: [String]
    /// Why it is not what was asked for, in a word; nil where it is.
    public var reason: ReasonCode?
    /// The guest's RAM, where it was dumped: a whole file, seen to be so.
    public var ramDump: RAMDump?
    /// For how long the guest stood still while the last of its RAM was dumped, on the host's clock; nil where that was
    /// not seen.
    public var pausedFor: Duration?

    /// A result with these parts.
    public init(
        consistency: Consistency, frozenFileSystems: Int = 0, listedFileSystems: Int? = nil,
        frozenFor: Duration = .zero, notes: [String] = [], reason: ReasonCode? = nil, ramDump: RAMDump? = nil,
        pausedFor: Duration? = nil
    ) {
        self.consistency = consistency
        self.frozenFileSystems = frozenFileSystems
        self.listedFileSystems = listedFileSystems
        self.frozenFor = frozenFor
        self.notes = notes
        self.reason = reason
        self.ramDump = ramDump
        self.pausedFor = pausedFor
    }
}

/// A file that holds a guest's RAM.
public struct RAMDump: Sendable, Codable, Equatable {
    /// Where it is.
    public let path: String
    /// How long it is.
    public let bytes: UInt64

    /// A dump of that length at that place.
    public init(path: String, bytes: UInt64) {
        self.path = path
        self.bytes = bytes
    }
}

/// What is asked of `Hypervisor.release`.
public struct ReleaseRequest: Sendable {
    /// The VM's `VirtualMachine.id`.
    public let machineID: String
    /// What the last record said that is held.
    public let freezeState: FreezeState

    /// A request with these parts.
    public init(machineID: String, freezeState: FreezeState) {
        self.machineID = machineID
        self.freezeState = freezeState
    }
}

/// What became of a release.
public struct ReleaseResult: Sendable, Equatable {
    /// What an administrator should know: how it was released where that was not the usual way, and for how long the
    /// guest was paused.
    public var notes: [String]
    /// The room in bytes that its overlays took when they were deleted; nil where it had none, or that was not seen.
    public var overlayBytes: UInt64?

    /// A result with these parts.
    public init(notes: [String] = [], overlayBytes: UInt64? = nil) {
        self.notes = notes
        self.overlayBytes = overlayBytes
    }
}

/// A kind of hypervisor that an executable brings along; `kind = …` in the configuration chooses it.
public protocol HypervisorBackEnd: SendableMetatype {
    /// The word in the configuration: `libvirt`.
    static var kind: String { get }
    /// Makes a client; connects on first use, not here.
    static func make(_ settings: HypervisorSettings) -> any Hypervisor
}

/// A back end whose VM snapshots are in the storage snapshot, where a VM is reverted to them: vSphere.
public protocol SnapshotReverting: Hypervisor {
    /// Puts a VM back that is off and whose datasets have been rolled back: has its files read again, reverts it to the
    /// run's VM snapshot, starts it when it ran then, and removes the VM snapshot.
    /// - Returns: what an administrator should know.
    /// - Throws: HypervisorError, which says what has been done and how to continue.
    func revert(_ machine: RevertRequest) async throws -> [String]
}

/// What is asked of `SnapshotReverting.revert`.
public struct RevertRequest: Sendable {
    /// The VM's `VirtualMachine.id` when its snapshot was taken.
    public let id: String
    /// Its name then.
    public let name: String
    /// The run whose VM snapshot it is reverted to; nil: it was off then, and is only read again.
    public let run: String?
    /// Whether it shall run afterwards.
    public let isStarted: Bool

    /// A request with these parts.
    public init(id: String, name: String, run: String?, isStarted: Bool) {
        self.id = id
        self.name = name
        self.run = run
        self.isStarted = isStarted
    }
}
