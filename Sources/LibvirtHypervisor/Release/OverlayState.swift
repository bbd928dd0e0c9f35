internal import Hypervisor

/// What was found of a held disk, and so what is to be done with it.
enum OverlayState: Sendable, Equatable {
    /// Nobody uses the overlay, and nothing in it is missing below: it can go.
    case free
    /// A QEMU writes to it, or reads it below somebody else's image: libvirt must commit it.
    case live
    /// Only the persistent definition names it, perhaps below the image `above`: qemu-img commits it.
    case defined(above: String?)
    /// The disk went back to its base, and only the persistent definition still names the overlay, which holds nothing
    /// newer.
    case pivoted
    /// Nobody names it nor its base, and it holds writes: qemu-img commits it, if no other domain has either.
    case orphan
    /// Any guess might lose writes.
    case doubtful(String)

    /// - Parameters:
    ///   - live: the disks of a domain that runs or is paused; nil for any other.
    ///   - persistent: what it starts from next time; empty when it is undefined.
    ///   - lead: how much later than the overlay the base was last written; nil where that cannot be read.
    ///   - isSameProcess: its QEMU runs since before the freeze. It can have left the overlay for its base by nothing
    ///     but a commit that was complete.
    ///   - isContained: the base was seen by this release to hold all that the overlay holds.
    static func find(
        _ disk: OverlayDisk, step: FreezeState.Step, live: [DiskChain]?, persistent: [DiskChain],
        overlay: OverlayContent,
        lead: Duration? = nil, isSameProcess: Bool = false, isContained: Bool = false
    ) -> OverlayState {
        if let use = live?.first(using: disk.overlay) {
            let below = use.chain.image(below: disk.overlay)
            guard below == disk.base else {
                return .doubtful("below its overlay is \(below ?? "no image") instead of \(disk.base)")
            }
            return .live
        }
        let runsOnBase = live?.contains { $0.chain.contains(disk.base) } == true
        // What was only asked for licenses nothing.
        let isCommitted =
            isContained || disk.progress == .committed
            || disk.progress?.allowsPivot == true && runsOnBase && isSameProcess
        if let use = persistent.first(using: disk.overlay) {
            switch overlay {
            case .missing:
                return .doubtful(
                    "its definition names the overlay, which is not there; mount the file system that it is on, or "
                        + "put \(disk.base) into the definition if it is lost")
            case .unfinished: return .doubtful("its overlay is no qcow2 image")
            case .refused(let reason) where !(runsOnBase && isCommitted): return .doubtful(reason)
            case .unwritten, .written, .refused: break
            }
            let above = use.chain.image(above: disk.overlay)
            guard above == nil else { return .defined(above: above) }
            // A libvirtd that was killed had no time to change the definition.
            if isContained || runsOnBase && (isCommitted || overlay == .unwritten) { return .pivoted }
            if let seen = afterPivot(disk, lead) { return seen }
            guard !runsOnBase else {
                return .doubtful(
                    "the VM runs on \(disk.base) while the overlay, which its definition names, holds writes; if they were "
                        + "committed (virsh blockcommit), put \(disk.base) into the definition and delete the overlay")
            }
            return .defined(above: nil)
        }
        let namesBase = runsOnBase || persistent.contains { $0.chain.contains(disk.base) }
        switch overlay {
        case .missing: return .free
        // Where the domain is gone, somebody may have taken the overlay along.
        case .unwritten: return namesBase || isCommitted || step == .preparing ? .free : .orphan
        case .unfinished: return step == .preparing ? .free : .doubtful("its overlay is no qcow2 image")
        case .written, .refused: break
        }
        // It may have been started from the overlay again before it was undefined; nothing tells that of a volume, which
        // has no time. What the overlay holds is read before anything is committed once more.
        if isCommitted, !namesBase, !isContained, lead.map({ $0 <= .zero }) ?? true { return .orphan }
        if isCommitted { return .free }
        if case .refused(let reason) = overlay { return .doubtful(reason) }
        switch afterPivot(disk, lead) {
        case .pivoted: return .free
        case let doubt?: return doubt
        case nil: break
        }
        guard namesBase else { return .orphan }
        return .doubtful(
            "somebody put it back on \(disk.base), and the overlay holds writes; if they were committed "
                + "(virsh blockcommit), or the VM was reverted to an older snapshot, delete the overlay")
    }
}

extension OverlayState {
    /// A commit that has caught up keeps the base within this of the overlay.
    static let longestLag = Duration.seconds(5)

    /// What the images' modification times tell of a pivot that was asked for and not seen, or seen and followed by who
    /// knows what: to commit the overlay after the guest has kept writing to the base would put old data over new.
    /// Nil: it has not come to that.
    private static func afterPivot(_ disk: OverlayDisk, _ lead: Duration?) -> OverlayState? {
        // After a commit with qemu-img, which may be repeated where the base's state allows it.
        if disk.progress == .committed, disk.baseAtRest != nil { return nil }
        guard disk.progress == .committed || disk.progress?.allowsPivot == true else { return nil }
        if let lead, lead <= .zero { return nil }
        // A commit that was begun anew, and has not caught up, may have written to the base last.
        if disk.progress != .undecided, let lead, lead > longestLag || disk.progress == .committed { return .pivoted }
        return .doubtful(
            "libvirtd or the host went down at the moment of its pivot, and nothing tells whether the guest wrote "
                + "to \(disk.base) afterwards; if the guest's newest files are on the base alone, put it into the "
                + "definition and delete the overlay, else: qemu-img commit")
    }
}
