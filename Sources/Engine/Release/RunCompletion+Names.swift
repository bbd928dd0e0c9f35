internal import Glibc
internal import Hypervisor
internal import RunState
internal import Support
internal import ZFS

/// The snapshots of a run that was begun without their names, as zfs-autobackup's commands are called.
extension RunCompletion {
    /// They hold up the commits, but no thaw.
    private static let longestListing = Duration.seconds(2)

    /// Names the run's snapshots: those that were taken since the VMs came to rest and are there when their release begins.
    /// What others take after that holds VMs whose overlays are being committed.
    func nameSnapshots(_ journal: Journal) async {
        let run = await journal.run
        guard run.snapshots.isEmpty, run.isUntaken != true, run.earlyRelease == nil, let frozen = run.frozenAt,
            !run.machines.isEmpty
        else { return }
        let began = Int64(time(nil))
        let answer: [SnapshotName]?? = await withDeadline(.now + Self.longestListing) {
            let since = (try? await snapshots(of: run))?.filter { $0.creation ?? .max >= frozen }
            guard let since, let own = try? await unclaimed(since, by: run) else { return nil }
            return own.map(\.name)
        }
        let found = answer ?? nil
        try? await journal.record { run in
            if let found {
                run.snapshots = found
                run.isUntaken = found.isEmpty ? true : nil
            } else {
                // Those that are older are found when zfs answers.
                run.earlyRelease = EarlyRelease(
                    began: began, reason: "zfs did not say in time which snapshots there are")
            }
        }
    }
}
