internal import Hypervisor
internal import RunState

/// The room that overlays have left: VMs are released early before it is used up.
extension WatchdogPoll {
    /// A server's snapshots grow on its own storage.
    func needsSpace(_ run: Run) -> Bool {
        run.machines.contains { !overlays(of: $0).isEmpty }
    }

    private func overlays(of machine: VMRecord) -> [String] {
        if elsewhere.contains(machine.hypervisor) { return [] }
        return machine.freezeState?.disks.map(\.overlay).filter { $0.hasPrefix(overlayDirectory + "/") } ?? []
    }

    /// What lacks to a tenth, in bytes; nil where nothing does.
    var missingSpace: UInt64? {
        guard let (available, total) = freeSpace(overlayDirectory), available < total / 10 else { return nil }
        return total / 10 - available
    }

    /// Whether there is so little room that there is no time to see whether a release helps.
    var isSpaceGone: Bool {
        guard let (available, total) = freeSpace(overlayDirectory) else { return false }
        return available < total / 20
    }

    /// The VMs with the largest overlays, as few as give that much room; those that were not tried yet where there are.
    func largest(of run: Run, freeing bytes: UInt64, _ tried: Set<VMKey>) -> Set<VMKey> {
        let held = run.machines.filter { !overlays(of: $0).isEmpty }
        let untried = held.filter { !tried.contains($0.key) }
        let sizes = (untried.isEmpty ? held : untried).map { machine in
            (machine.key, overlays(of: machine).reduce(UInt64(0)) { $0 &+ fileSize($1) })
        }
        var chosen: Set<VMKey> = []
        var freed: UInt64 = 0
        for (key, size) in sizes.sorted(by: { $0.1 > $1.1 }) where freed < bytes || chosen.isEmpty {
            chosen.insert(key)
            freed = freed.addingReportingOverflow(size).overflow ? .max : freed + size
        }
        return chosen
    }
}
