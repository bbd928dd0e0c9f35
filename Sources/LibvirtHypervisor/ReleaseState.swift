internal import Hypervisor

/// What was found of a held disk, and so what is to be done with it.
enum DiskFinding: Sendable, Equatable {
    /// Nobody uses the overlay, and nothing in it is missing below: it can go.
    case free
    /// A QEMU writes to it, or reads it below somebody else's image: libvirt must commit it.
    case live
    /// Only the persistent definition names it, perhaps below the image `above`: qemu-img commits it.
    case defined(above: String?)
    /// Nobody names it nor its base, and it holds writes: qemu-img commits it, if no other domain has either.
    case orphan
    /// Any guess might lose writes.
    case doubtful(String)

    /// - Parameters:
    ///   - live: the disks of a domain that runs or is paused; nil for any other.
    ///   - persistent: what it starts from next time; empty when it is undefined.
    static func find(
        _ disk: HeldDisk, step: Hold.Step, live: [DiskUse]?, persistent: [DiskUse], overlay: OverlayContent
    ) -> DiskFinding {
        if let use = live?.first(using: disk.overlay) {
            let below = use.chain.image(below: disk.overlay)
            guard below == disk.base else {
                return .doubtful("below its overlay is \(below ?? "no image") instead of \(disk.base)")
            }
            return .live
        }
        if let use = persistent.first(using: disk.overlay) {
            switch overlay {
            case .missing:
                return .doubtful(
                    "its definition names the overlay, which is not there; mount the file system that it is on, or "
                        + "put \(disk.base) into the definition if it is lost")
            case .unfinished: return .doubtful("its overlay is no qcow2 image")
            case .unwritten, .written: return .defined(above: use.chain.image(above: disk.overlay))
            }
        }
        switch overlay {
        case .missing, .unwritten: return .free
        case .unfinished: return step == .preparing ? .free : .doubtful("its overlay is no qcow2 image")
        case .written: break
        }
        guard ((live ?? []) + persistent).contains(where: { $0.chain.contains(disk.base) }) else { return .orphan }
        // That is what a pivot of ours leaves when we were killed before we could note it.
        if step == .releasing { return .free }
        return .doubtful(
            "somebody put it back on \(disk.base), and the overlay holds writes; if they were committed "
                + "(virsh blockcommit), delete the overlay")
    }
}

/// The next thing to do for a disk that a QEMU has on its overlay.
enum LiveStep: Sendable, Equatable {
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

    static func next(for disk: HeldDisk, in live: [DiskUse]) -> LiveStep {
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

extension [DiskUse] {
    /// The disk that has the image anywhere in its chain.
    func first(using image: String) -> DiskUse? {
        first { $0.chain.contains(image) }
    }
}

extension [String] {
    fileprivate func image(below path: String) -> String? {
        firstIndex(of: path).flatMap { indices.contains($0 + 1) ? self[$0 + 1] : nil }
    }

    fileprivate func image(above path: String) -> String? {
        firstIndex(of: path).flatMap { $0 > 0 ? self[$0 - 1] : nil }
    }
}
