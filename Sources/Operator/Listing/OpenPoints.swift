internal import RunState
internal import ZFS

/// What open runs will leave as restore points, as far as it is known by now.
struct OpenPoints: Sendable {
    private var byName: [SnapshotName: Int] = [:]
    private let runs: [(point: RestorePoint, existing: Set<String>)]

    init(_ open: [Run]) {
        let runs = open.filter { $0.kind == .snapshots }
        self.runs = runs.map { run in
            let names = run.snapshots.flatMap { run.names(takenWith: $0) }
            var point = RestorePoint(run, snapshots: names.map { RestorePointSnapshot(name: $0) })
            for place in point.machines.indices {
                point.machines[place].notes.append("its run is open still, and may yet lower what is said of it")
            }
            return (point, Set(run.existing ?? []))
        }
        // The newest of several counts.
        for (place, run) in self.runs.enumerated() {
            for snapshot in run.point.snapshots { byName[snapshot.name] = place }
        }
    }

    /// Nil for one that was there before its namesake's run began.
    func point(of snapshot: ListedSnapshot) -> RestorePoint? {
        guard let place = byName[snapshot.name], !runs[place].existing.contains(snapshot.guid) else { return nil }
        return runs[place].point
    }
}
