/// Why a VM did not get what it was to get, in a word: `stillpoint:vms` has `db=crash:agent-silent`.
///
/// Open, so that what a later version has written can be read; docs/reasons.md has each of `all`. Lower-case letters, digits
/// and hyphens.
public struct ReasonCode: RawRepresentable, Sendable, Hashable, Codable, CustomStringConvertible {
    /// `agent-silent`
    public let rawValue: String

    /// Any word is one.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// What somebody else has written; nil where it is no such word.
    public init?(reading text: some StringProtocol) {
        let isWord = text.utf8.allSatisfy { byte in
            byte == UInt8(ascii: "-") || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        }
        guard isWord, (1...40).contains(text.utf8.count) else { return nil }
        rawValue = String(text)
    }

    /// `agent-silent`
    public var description: String { rawValue }

    private init(_ word: String) { rawValue = word }

    // The guest.
    /// The VM has no agent channel, or its tools are not installed.
    public static let agentMissing = ReasonCode("agent-missing")
    /// The agent, or the tools, did not answer in time.
    public static let agentSilent = ReasonCode("agent-silent")
    /// The agent does not allow what it was asked.
    public static let agentRefuses = ReasonCode("agent-refuses")
    /// The guest was asked to freeze, and failed: a hook of its own, VSS, a busy file system.
    public static let freezeFailed = ReasonCode("freeze-failed")
    /// A file system that could have been frozen was not.
    public static let partlyFrozen = ReasonCode("partly-frozen")
    /// It had thawed before it was told to.
    public static let thawedEarly = ReasonCode("thawed-early")
    /// Whether it was frozen until the end is not known.
    public static let thawUnknown = ReasonCode("thaw-unknown")
    /// It did not shut down in time, or takes no shutdown.
    public static let shutdownIgnored = ReasonCode("shutdown-ignored")

    // The VM.
    /// It was paused already.
    public static let vmPaused = ReasonCode("vm-paused")
    /// Another run, a restore, a backup or a migration works on it.
    public static let vmBusy = ReasonCode("vm-busy")
    /// It is not there any more, was started, stopped or changed meanwhile.
    public static let vmChanged = ReasonCode("vm-changed")
    /// A disk of it cannot be moved to an overlay, or be part of a VM snapshot.
    public static let diskUnsupported = ReasonCode("disk-unsupported")
    /// A device of it cannot be part of a memory snapshot.
    public static let deviceUnsupported = ReasonCode("device-unsupported")

    // The host.
    /// There is too little room for overlays or RAM.
    public static let noRoom = ReasonCode("no-room")
    /// The snapshot manager does not wait so long.
    public static let noTime = ReasonCode("no-time")
    /// The run has no watchdog.
    public static let noWatchdog = ReasonCode("no-watchdog")
    /// An overlay could not be made, or moved to.
    public static let overlayFailed = ReasonCode("overlay-failed")
    /// The hypervisor does not answer.
    public static let unreachable = ReasonCode("unreachable")
    /// It refused a call, or failed it.
    public static let callFailed = ReasonCode("call-failed")
    /// The program of `exec:PATH` failed.
    public static let programFailed = ReasonCode("program-failed")

    // The run.
    /// It was on an overlay that an earlier run had made: the snapshot holds nothing of what it wrote since.
    public static let stale = ReasonCode("stale")
    /// No snapshot was taken while it was held, or none of what its disks are on.
    public static let noSnapshot = ReasonCode("no-snapshot")
    /// pre-snapshot undid all (`on_failure = abort`), since another VM could not be frozen.
    public static let undone = ReasonCode("undone")
    /// It was released before the snapshot was taken, or may have been.
    public static let releasedEarly = ReasonCode("released-early")
    /// pre-snapshot did not finish.
    public static let unfinished = ReasonCode("unfinished")
    /// The configuration wants no more: `crash-consistent` comes first.
    public static let configured = ReasonCode("configured")

    /// Those of this version.
    public static let all: [ReasonCode] = [
        agentMissing, agentSilent, agentRefuses, freezeFailed, partlyFrozen, thawedEarly, thawUnknown, shutdownIgnored,
        vmPaused, vmBusy, vmChanged, diskUnsupported, deviceUnsupported, noRoom, noTime, noWatchdog, overlayFailed,
        unreachable, callFailed, programFailed, stale, noSnapshot, undone, releasedEarly, unfinished, configured,
    ]
}

extension HypervisorError.Code {
    /// Why, where the error itself does not say it more exactly.
    var reason: ReasonCode {
        switch self {
        case .unreachable, .misconfigured, .timedOut: .unreachable
        case .noSuchMachine, .changed: .vmChanged
        case .notQuiesced, .freezeFailed: .freezeFailed
        case .overlay: .overlayFailed
        default: .callFailed
        }
    }
}
