internal import Glibc
internal import Hypervisor
internal import RunState
internal import SnapshotManagers
internal import Support

extension PreSnapshot {
    /// A run whose snapshots have no names yet finds them by their time, of which ZFS tells whole seconds. So the second in
    /// which the VMs came to rest must be over first, or what another took just before would pass for this run's.
    func awaitNextSecond(_ journal: Journal, _ call: Call) async {
        guard invocation.snapshots.isEmpty, call.timeout.map({ $0.work > .now + .seconds(2) }) ?? true else { return }
        // Of what is crash-consistent nothing is claimed.
        guard await journal.run.machines.contains(where: { $0.consistency.map { $0 > .crash } ?? true }) else { return }
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let next = Int64(now.tv_sec) + 1
        // The clock that time(2) and ZFS read is some milliseconds late.
        try? await Task.sleep(for: .nanoseconds(1_000_000_000 - now.tv_nsec) + .milliseconds(20))
        try? await journal.record { $0.frozenAt = next }
    }
}
