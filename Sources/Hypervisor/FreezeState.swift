public import DiskLocation
public import Support

/// What a freeze has made of a VM, and so all that release and recovery need to undo it.
///
/// A back end fills it in before it acts; the journal makes it durable. Paths are those of the hypervisor's host.
public struct FreezeState: Sendable, Codable, Equatable {
    /// How far freeze or release has come; named after the step that is in flight or was last completed.
    public enum Step: String, Sendable, Codable {
        /// Overlays are being created; the VM does not know of them yet.
        case preparing
        /// File systems are being frozen and disks moved to the overlays.
        case switching
        /// The VM runs on its overlays, its file systems thawed.
        case held
        /// Overlays are being committed into their bases.
        case releasing
        /// The VM was seen on its bases; what is left is to delete the overlays.
        case released
    }

    /// How far it has come.
    public var step: Step
    /// Name of the VM snapshot; it carries the run's id.
    public var snapshot: String
    /// What holds the VM where no overlay and no VM snapshot does: `freeze`, `pause`, `shutdown` or `exec:PATH`.
    public var strategy: Strategy?
    /// How many file systems the guest said it froze, where they stay frozen (`freeze`); a thaw of fewer tells that it was
    /// not frozen all the while.
    public var frozenFileSystems: Int?
    /// When the guest was seen to stand still (`freeze`, `pause`) or to have been asked to shut down, in milliseconds since 1970.
    public var stoppedAt: Int64?
    /// What the program of `exec:PATH` wants to be told again when it is to release: JSON text.
    public var programState: String?
    /// The program of `exec:PATH` that was started last and has not been seen to end.
    public var programProcess: ProcessIdentity?
    /// The server's own handle of that snapshot, once it has told it: a MoRef (vSphere).
    public var reference: String?
    /// The disks whose writes go to overlays.
    public var disks: [OverlayDisk]
    /// The guest was asked to freeze and has not been seen to thaw.
    public var isThawPending: Bool
    /// How long the guest was given to prepare until it is frozen, in whole seconds; nil: no longer than for any other
    /// question.
    public var freezeSeconds: Int?
    /// The file that takes, or took, the guest's RAM. A release leaves it where it is.
    public var ramDump: String?

    /// A release stopped the guest so that its commit could catch up, and has not been seen to resume it.
    public var isPausedForCommit: Bool
    /// What tells the start of the VM that was frozen from every later one, in the back end's own words and where it needs
    /// that.
    public var start: String?

    /// State files have the names of their first version.
    private enum CodingKeys: String, CodingKey {
        case step, snapshot, strategy, frozenFileSystems, stoppedAt, programState, programProcess, reference, disks
        case isThawPending = "owesThaw"
        case freezeSeconds, ramDump
        case isPausedForCommit = "pausedByUs"
        case start
    }

    /// A freeze state with these parts.
    public init(
        step: Step, snapshot: String, strategy: Strategy? = nil, reference: String? = nil, disks: [OverlayDisk],
        isThawPending: Bool = false,
        ramDump: String? = nil,
        isPausedForCommit: Bool = false
    ) {
        self.step = step
        self.snapshot = snapshot
        self.strategy = strategy
        self.reference = reference
        self.disks = disks
        self.isThawPending = isThawPending
        self.ramDump = ramDump
        self.isPausedForCommit = isPausedForCommit
    }

    /// Reads a freeze state, also one of a version that never paused a guest.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        step = try values.decode(Step.self, forKey: .step)
        snapshot = try values.decode(String.self, forKey: .snapshot)
        strategy = try values.decodeIfPresent(Strategy.self, forKey: .strategy)
        frozenFileSystems = try values.decodeIfPresent(Int.self, forKey: .frozenFileSystems)
        stoppedAt = try values.decodeIfPresent(Int64.self, forKey: .stoppedAt)
        programState = try values.decodeIfPresent(String.self, forKey: .programState)
        programProcess = try values.decodeIfPresent(ProcessIdentity.self, forKey: .programProcess)
        reference = try values.decodeIfPresent(String.self, forKey: .reference)
        disks = try values.decode([OverlayDisk].self, forKey: .disks)
        isThawPending = try values.decode(Bool.self, forKey: .isThawPending)
        freezeSeconds = try values.decodeIfPresent(Int.self, forKey: .freezeSeconds)
        ramDump = try values.decodeIfPresent(String.self, forKey: .ramDump)
        isPausedForCommit = try values.decodeIfPresent(Bool.self, forKey: .isPausedForCommit) ?? false
        start = try values.decodeIfPresent(String.self, forKey: .start)
    }
}

/// A disk whose writes go to an overlay.
public struct OverlayDisk: Sendable, Codable, Equatable {
    /// The guest's name for it: `vda`.
    public let target: String
    /// The image on the snapshotted dataset.
    public let base: String
    /// Format of the base: `raw`, `qcow2`.
    public let baseFormat: String
    /// The qcow2 file that takes the guest's writes meanwhile.
    public let overlay: String
    /// The back end's own definition of the disk before the freeze, as text of at most ``longestDefinition`` bytes:
    /// libvirt's `<disk>`. What a base is cannot be told from path and format alone. Nil: it was frozen by a version
    /// that did not keep it.
    public let definition: String?
    /// The images below the base, as the running domain's definition named them; none where the base is the last one.
    /// Nil: nothing told them.
    public let below: [ImageChain.Layer]?

    /// In bytes.
    public static let longestDefinition = 64 << 10

    /// How far its writes have come back to its base, as far as that is known.
    public enum Progress: String, Sendable, Codable {
        /// A commit of ours may have begun: the base may have been written by it.
        case committing
        /// It was asked to go back to its base, and has not been seen there. It may have been: then the guest writes to
        /// the base, and what the overlay holds is old.
        case pivotRequested
        /// Either its disk is back on its base, as was asked for, or a commit is running that ends on its own or was
        /// begun anew, and has perhaps not copied all: which of both, only the QEMU that runs tells.
        case undecided
        /// All that the overlay held is in the base; this alone licenses deleting the overlay.
        case committed
    }

    /// Nil: nothing was begun.
    public var progress: Progress? {
        get { reached ?? (isPivotAsked == true ? .pivotRequested : nil) }
        set {
            reached = newValue
            isPivotAsked = nil
        }
    }
    private var reached: Progress?
    /// What state files said before there was `reached`.
    private var isPivotAsked: Bool?

    /// The base as it was when nobody was to write to it any more: since its disk moved to the overlay, or since our
    /// commit with qemu-img ended. Nil: that was not seen.
    public var baseAtRest: ImageStamp?
    /// A base without times, a device, was seen to have been written by somebody else. Its own count of that is gone with
    /// the next start of the host.
    public var isBaseWritten: Bool?

    /// A held disk with these parts.
    public init(
        target: String, base: String, baseFormat: String, overlay: String, definition: String? = nil,
        below: [ImageChain.Layer]? = nil
    ) {
        self.target = target
        self.base = base
        self.baseFormat = baseFormat
        self.overlay = overlay
        self.definition = definition
        self.below = below
    }
}

/// Makes a freeze state durable; called before and after each step that changes the world. Nil: nothing is held any more.
public typealias RecordFreezeState = @Sendable (FreezeState?) async throws -> Void
