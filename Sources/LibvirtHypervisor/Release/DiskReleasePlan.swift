internal import Hypervisor

/// A held disk as a release found it.
struct DiskReleasePlan: Sendable {
    let disk: OverlayDisk
    let finding: OverlayState
    /// The disk of a running domain that has the overlay in its chain.
    let use: DiskChain?
    /// What its commit has to do first; nil: its state must be read again.
    var firstStep: CommitStep?

    init(_ disk: OverlayDisk, _ finding: OverlayState, _ use: DiskChain?) {
        self.disk = disk
        self.finding = finding
        self.use = use
        firstStep = use.map { CommitStep.next(for: disk, in: [$0]) }
    }

    /// The same, to be read anew.
    var rechecked: DiskReleasePlan {
        var disk = self
        disk.firstStep = nil
        return disk
    }

    /// What qemu-img must do for it, if it must.
    var offlineItem: OfflineCommit.Item? {
        switch finding {
        case .defined(let above): OfflineCommit.Item(disk: disk, above: above)
        case .pivoted: OfflineCommit.Item(disk: disk, isCommitted: true)
        case .orphan: OfflineCommit.Item(disk: disk, isOrphan: true)
        case .free, .live, .doubtful: nil
        }
    }

    /// What an administrator should know once it was committed.
    func note(_ state: DomainState) -> String? {
        switch finding {
        case .live:
            guard let top = use?.chain.first, top != disk.overlay else { return nil }
            return "\(disk.target): \(top), which somebody made over the overlay, now lies on \(disk.base)"
        case .defined(let above):
            let reason = state.isActive ? "the disk was detached" : "the VM was off"
            let below = above.map { "\($0), which somebody made over the overlay, now lies on \(disk.base)" }
            return "\(disk.target): \(reason), so qemu-img committed the overlay"
                + "; \(below ?? "its definition names \(disk.base) again")"
        case .orphan:
            let reason = state == .undefined ? "the VM was undefined" : "the disk was detached"
            return "\(disk.target): \(reason), so qemu-img committed the overlay into \(disk.base)"
        case .pivoted: return "\(disk.target): it was on \(disk.base) already; now its definition names that too"
        case .free, .doubtful: return nil
        }
    }
}
