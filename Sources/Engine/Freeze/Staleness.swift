internal import Hypervisor
internal import RunState

/// Why a snapshot of a VM's disks holds nothing of what the VM writes now: it is on an overlay that is not this run's.
struct Staleness: Sendable, Equatable {
    /// When it wrote to its own disks last, in seconds since 1970; nil where nothing tells.
    let since: Int64?
    /// In words, with the way out.
    let reason: String

    /// Nil where the VM is on its own disks.
    /// - Parameters:
    ///   - taken: that another run has it.
    ///   - lastGood: when the newest snapshot was taken that holds more of it; asked where nothing else tells.
    init?(_ planned: PlannedVM, _ taken: BusyVM?, lastGood: () -> Int64?) {
        let disks = planned.disksOnOverlays
        guard !disks.isEmpty else { return nil }
        func begin() -> Int64? { disks.compactMap { $0.overlay?.run.flatMap { runTime($0) } }.min() ?? lastGood() }
        since = taken?.holder?.since ?? begin()
        guard let holder = taken?.holder else {
            reason = taken?.reason ?? "no open run has that overlay: stillpoint recover --adopt"
            return
        }
        let part = holder.isCommitting ? "; a commit was begun, so its disks are of no one instant" : ""
        let recovery =
            holder.isOverdue
            ? "stillpoint recover"
            : "its post-snapshot is to come; if it will not: stillpoint recover --run \(holder.run)"
        reason = "the run \(holder.run) has not released it\(part): \(recovery)"
    }
}

extension Catalogue {
    /// When the newest run began that has a restore point of the VM in which it is not stale, in seconds since 1970.
    func lastGood(_ key: VMKey) -> Int64? {
        all().points.last { point in
            point.machines.contains { $0.key == key && $0.consistency != .stale }
                && point.snapshots.contains { $0.wasMissing != true }
        }?.run.time
    }
}
