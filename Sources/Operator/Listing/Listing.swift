internal import Glibc
internal import Logging
internal import RunState
internal import ZFS

/// Finds what the snapshots hold of VMs, for `stillpoint list` and `show`.
struct Listing: Sendable {
    let points: RestorePoints
    let zfs: ZFSCommand

    /// The VMs in the snapshots of a dataset and of those below it, or of all; oldest snapshot first.
    func machines(on dataset: DatasetName?) async throws -> [ListedVM] {
        let snapshots = try await zfs.snapshots(of: dataset, properties: SnapshotProperties.listedKeys)
        return machines(of: snapshots)
    }

    /// The VMs with a disk in one snapshot.
    /// - Throws: UnknownSnapshotError, ZFSError.
    func machines(in name: SnapshotName) async throws -> [ListedVM] {
        machines(of: [try await zfs.snapshot(name, properties: SnapshotProperties.listedKeys)])
    }

    /// The VMs with a disk in the snapshots of that name of what lies below its dataset, as `zfs snapshot -r` makes them.
    /// - Throws: ZFSError.
    func machines(below name: SnapshotName) async throws -> [ListedVM] {
        let snapshots = try await zfs.children(of: name.dataset).map { try SnapshotName("\($0)@\(name.name)") }
        return machines(of: try await zfs.snapshots(named: snapshots, properties: SnapshotProperties.listedKeys))
    }

    private func machines(of snapshots: [ListedSnapshot]) -> [ListedVM] {
        let now = Int64(time(nil))
        return snapshots.flatMap { snapshot -> [ListedVM] in
            guard let (point, kept) = points.point(of: snapshot) else {
                return ListedVM.all(by: snapshot, now: now)
            }
            return point.machines.filter { $0.datasets.contains(kept.name.dataset) }
                .sorted { $0.name < $1.name }
                .map { ListedVM($0, of: point, in: snapshot, now: now, points) }
        }
    }
}
