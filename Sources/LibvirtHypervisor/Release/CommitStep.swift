internal import Hypervisor

/// The next thing to do for a disk that a QEMU has on its overlay.
enum CommitStep: Sendable, Equatable {
    /// It is off the overlay.
    case done
    case startActiveCommit
    /// Somebody's image lies above.
    case startCommitBelow
    case pivot
    /// A commit of ours, or one like it, is under way.
    case wait
    /// Somebody else's block job is.
    case waitForOther
    case refuse(String)

    /// The commit of an overlay need not be waited for by others before they pivot.
    var hasBegun: Bool {
        switch self {
        case .done, .pivot, .wait: true
        case .startActiveCommit, .startCommitBelow, .waitForOther, .refuse: false
        }
    }

    static func next(for disk: OverlayDisk, in live: [DiskChain]) -> CommitStep {
        guard let use = live.first(using: disk.overlay) else { return .done }
        let below = use.chain.image(below: disk.overlay)
        guard below == disk.base else { return .refuse("below its overlay is \(below ?? "no image")") }
        let isOnTop = use.chain.first == disk.overlay
        switch use.mirror {
        case nil: return isOnTop ? .startActiveCommit : .startCommitBelow
        case .foreign: return .waitForOther
        case _ where !isOnTop: return .waitForOther
        case .running, .pivoting, .ending: return .wait
        case .ready: return .pivot
        }
    }
}
