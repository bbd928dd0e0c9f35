internal import Storage

/// Takes datasets that hold one VM alone back to their snapshots.
struct Rollback: DiskRestoration {
    let snapshots: [SnapshotName]
    let zfs: ZFSCommand
    let destroyNewer: Bool

    /// - Throws: RestoreError `.refused` when newer snapshots would be destroyed and that was not asked for.
    init(snapshots: [SnapshotName], zfs: ZFSCommand, destroyNewer: Bool) async throws {
        self.snapshots = snapshots
        self.zfs = zfs
        self.destroyNewer = destroyNewer
        guard !destroyNewer else { return }
        var newer: [String] = []
        for snapshot in snapshots {
            let all = try await zfs.snapshots(of: snapshot.dataset).map(\.name)
                .filter { $0.dataset == snapshot.dataset }
            newer += all.drop { $0 != snapshot }.dropFirst().map(\.rawValue)
        }
        guard newer.isEmpty else {
            let shown = newer.prefix(10).joined(separator: ", ")
            let more = newer.count > 10 ? " and \(newer.count - 10) more" : ""
            throw RestoreError(
                .refused,
                "the rollback would destroy the newer \(shown)\(more); --destroy-newer does it, --as NAME restores beside the VM"
            )
        }
    }

    func prepare() async throws {}

    func abandon() async {}

    func putBack() async throws {
        for snapshot in snapshots { try await zfs.rollBack(to: snapshot, destroyingNewer: destroyNewer) }
    }

    func stateAfterFailure() async -> String {
        "Its datasets are to be at \(snapshots.map(\.rawValue).joined(separator: ", ")); a restore again sees to that."
    }

    func finish(isRunning: Bool) async -> String {
        destroyNewer ? "; RAM dumps of the snapshots that were destroyed go with: stillpoint prune --orphans" : ""
    }
}
