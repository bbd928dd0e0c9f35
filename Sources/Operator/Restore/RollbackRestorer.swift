internal import Engine
internal import Support
internal import Synchronization
internal import ZFS

/// Takes datasets that hold one VM alone back to their snapshots.
final class RollbackRestorer: DiskRestorer {
    let snapshots: [SnapshotName]
    let zfs: ZFSCommand
    let destroyNewer: Bool
    private let rolledBack = Mutex(0)
    private let isInDoubt = Mutex(false)
    private let destroysSome = Mutex(false)

    /// - Throws: RestoreError `.refused` when newer snapshots would be destroyed and that was not asked for, or when
    ///   zfs would not destroy them.
    init(snapshots: [SnapshotName], zfs: ZFSCommand, destroyNewer: Bool) async throws {
        self.snapshots = snapshots
        self.zfs = zfs
        self.destroyNewer = destroyNewer
        try await requireWay()
    }

    /// Once the VM is stopped it is too late to find out that zfs will not do it.
    private func requireWay() async throws {
        var names: [String] = []
        for snapshot in snapshots {
            let newer = try await zfs.newer(than: snapshot)
            names += newer.names
            guard newer.obstacles.isEmpty else {
                throw RestoreError(
                    .refused,
                    "\(snapshot.dataset) cannot be rolled back: \(newer.obstacles.joined(separator: ", ")); remove "
                        + "that, "
                        + "or restore --as NAME beside the VM")
            }
        }
        destroysSome.withLock { $0 = !names.isEmpty }
        guard destroyNewer || names.isEmpty else {
            let shown = shortList(names, most: 10)
            throw RestoreError(
                .refused,
                "the rollback would destroy the newer \(shown); --destroy-newer does it, --as NAME restores "
                    + "beside the VM")
        }
    }

    /// Again: bringing the RAM may have taken hours.
    func prepare() async throws { try await requireWay() }

    func discardPrepared() async {}

    func restoreFormerDisks() async throws {
        for snapshot in snapshots {
            do {
                try await zfs.rollBack(to: snapshot, destroyingNewer: destroyNewer)
            } catch {
                // A call that was given up may still be carried out.
                if error.code != .failed { isInDoubt.withLock { $0 = true } }
                throw error
            }
            rolledBack.withLock { $0 += 1 }
        }
    }

    /// Whether something is, or may be, rolled back.
    var mayHaveBegun: Bool { rolledBack.withLock { $0 > 0 } || isInDoubt.withLock { $0 } }

    func stateAfterFailure() async -> String { whereabouts }

    var whereabouts: String {
        let count = rolledBack.withLock { $0 }
        let parts = [
            (snapshots.prefix(count), "rolled back to"), (snapshots.dropFirst(count), "not yet rolled back to"),
        ]
        let states = parts.filter { !$0.0.isEmpty }.map { snapshots, state in
            "\(state) \(snapshots.map(\.rawValue).joined(separator: ", "))"
        }
        return "Its disks were \(states.joined(separator: ", "))."
    }

    func finish(isRunning: Bool) async -> String {
        guard destroysSome.withLock({ $0 }) else { return "" }
        return "; delete the RAM dumps of the destroyed snapshots with: stillpoint prune --orphans"
    }
}
