internal import Glibc
internal import Logging
internal import RunState
internal import ZFS

/// Finds what the snapshots hold of VMs, for `stillpoint list` and `show`.
struct Listing: Sendable {
    let points: RestorePoints
    let zfs: ZFSCommand
    /// Those that are not over: nobody else knows yet what their VMs got.
    private let open: OpenPoints

    init(points: RestorePoints, zfs: ZFSCommand, openRuns: [Run] = []) {
        self.points = points
        self.zfs = zfs
        open = OpenPoints(openRuns)
    }

    /// The snapshots of a dataset and of those below it, or of all; oldest first.
    /// - Throws: ZFSError.
    func snapshots(of dataset: DatasetName?) async throws -> [ListedSnapshot] {
        try await zfs.snapshots(of: dataset, properties: SnapshotProperties.listedKeys)
    }

    /// The VMs in the snapshots of a dataset and of those below it, or of all; oldest snapshot first.
    func machines(on dataset: DatasetName?) async throws -> [ListedVM] {
        Array(machines(of: try await snapshots(of: dataset)))
    }

    /// The VMs with a disk in one snapshot.
    /// - Throws: UnknownSnapshotError, ZFSError.
    func machines(in name: SnapshotName) async throws -> [ListedVM] {
        Array(machines(of: [try await zfs.snapshot(name, properties: SnapshotProperties.listedKeys)]))
    }

    /// The VMs with a disk in the snapshots of that name of what lies below its dataset, as `zfs snapshot -r` makes them.
    /// - Throws: ZFSError.
    func machines(below name: SnapshotName) async throws -> [ListedVM] {
        let snapshots = try await zfs.children(of: name.dataset).map { try SnapshotName("\($0)@\(name.name)") }
        return Array(
            machines(of: try await zfs.snapshots(named: snapshots, properties: SnapshotProperties.listedKeys)))
    }

    /// The VMs with a disk in each of them, made one snapshot after another.
    func machines(of snapshots: [ListedSnapshot]) -> some Sequence<ListedVM> {
        let now = Int64(time(nil))
        return snapshots.lazy.flatMap { machines(in: $0, now: now) }
    }

    private func machines(in snapshot: ListedSnapshot, now: Int64) -> [ListedVM] {
        guard let (point, dataset) = found(snapshot) else { return ListedVM.all(by: snapshot, now: now) }
        // Once for all of them: there may be a thousand.
        let claims = SnapshotProperties.claims(in: snapshot)
        let place = ListedVM.Place(snapshot, point)
        return point.machines.filter { $0.datasets.contains(dataset) }
            .sorted { $0.name < $1.name }
            .map { ListedVM($0, in: place, claim: claims[$0.name], now: now, points) }
    }

    /// What is known of a snapshot, and the dataset that it was of then.
    private func found(_ snapshot: ListedSnapshot) -> (RestorePoint, DatasetName)? {
        if let (point, kept) = points.point(of: snapshot) { return (point, kept.name.dataset) }
        return open.point(of: snapshot).map { ($0, snapshot.name.dataset) }
    }
}
