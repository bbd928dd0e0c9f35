internal import Support
package import ZFS

/// Everything known of past runs: the catalogue, and what cold storage's side-cars tell where the catalogue is silent.
///
/// So the catalogue can be lost, and a copy of cold storage beside a replica of the datasets is enough on another host.
package struct RestorePoints: Sendable {
    package private(set) var points: [RestorePoint]
    /// Files that could not be used.
    package let problems: [StateError]
    /// Dumps of which nobody but an unsealed side-car knows.
    private var doubtful: Set<String> = []
    /// Runs of which nobody but unsealed side-cars know.
    private var doubtfulRuns: Set<RunID> = []

    package init(_ catalogue: Catalogue, coldStorage: String?) {
        let known = catalogue.all()
        points = known.points
        if let coldStorage {
            let cold = ArchiveManifest.all(in: coldStorage)
            problems = known.problems + cold.problems
            for point in cold.points {
                let content = try? ArchiveManifest.content(of: point)
                add(
                    point,
                    isSealed: content.map { catalogue.seals.provenance(of: $0, point.seal).isVouchedFor } ?? false)
            }
        } else {
            problems = known.problems
        }
        points.sort { $0.run < $1.run }
    }

    /// Whether the catalogue or a seal says that this is the RAM of that VM.
    package func isVouchedFor(_ dump: StoredDump) -> Bool { !doubtful.contains(dump.path) }

    /// Whether the catalogue or a seal says that this run was.
    package func isVouchedForRun(of point: RestorePoint) -> Bool { !doubtfulRuns.contains(point.run) }

    private mutating func add(_ sideCar: RestorePoint, isSealed: Bool) {
        if !isSealed { doubtful.formUnion(sideCar.machines.compactMap { $0.dump?.path }) }
        guard let index = points.firstIndex(where: { $0.run == sideCar.run }) else {
            if !isSealed { doubtfulRuns.insert(sideCar.run) }
            return points.append(sideCar)
        }
        let isBelieved = isSealed || doubtfulRuns.contains(sideCar.run)
        for machine in sideCar.machines {
            if let dump = machine.dump, let packed = dump.packed,
                points[index].machines.contains(where: { $0.key == machine.key && $0.dump?.packed == packed })
            {
                doubtful.remove(dump.path)
            } else if !isBelieved {
                continue
            }
            guard let known = points[index].machines.firstIndex(where: { $0.key == machine.key }) else {
                points[index].machines.append(machine)
                continue
            }
            // A dump that is still on its way is the catalogue's to tell; one that is not where the catalogue says was
            // moved with the whole of cold storage.
            let dump = points[index].machines[known].dump
            if dump.map({ $0.packed != nil && !fileExists($0.path) }) ?? true {
                points[index].machines[known].dump = machine.dump
            }
        }
        guard isBelieved else { return }
        for snapshot in sideCar.snapshots where !points[index].snapshots.contains(where: { $0.name == snapshot.name }) {
            points[index].snapshots.append(snapshot)
        }
    }

    /// The point of a snapshot and the snapshot in it: by GUID, else by name where no GUID is known, else by run.
    package func point(of snapshot: ListedSnapshot) -> (point: RestorePoint, kept: RestorePointSnapshot)? {
        // What is sealed comes first.
        let ordered =
            doubtfulRuns.isEmpty
            ? points
            : points.filter { !doubtfulRuns.contains($0.run) } + points.filter { doubtfulRuns.contains($0.run) }
        for point in ordered {
            if let kept = point.snapshots.first(where: { $0.guid == snapshot.guid }) { return (point, kept) }
        }
        for point in ordered {
            // One that zfs said was not there has been taken since, by who knows whom.
            let kept = point.snapshots.first { $0.guid == nil && $0.wasMissing != true && $0.name == snapshot.name }
            if let kept { return (point, kept) }
        }
        guard let run = SnapshotProperties.run(in: snapshot),
            let point = points.first(where: { $0.run == run }),
            let kept = likeliest(for: snapshot.name, among: point.snapshots)
        else { return nil }
        return (point, kept)
    }

    /// The same name, else that of a dataset whose last part is the same, else the only one.
    private func likeliest(for name: SnapshotName, among kept: [RestorePointSnapshot]) -> RestorePointSnapshot? {
        let candidates = kept.filter { $0.name.name == name.name }
        if let same = candidates.first(where: { $0.name == name }) { return same }
        let last = FileAccess.lastComponent(name.dataset.rawValue)
        return candidates.first { FileAccess.lastComponent($0.name.dataset.rawValue) == last }
            ?? (candidates.count == 1 ? candidates.first : nil)
    }
}
