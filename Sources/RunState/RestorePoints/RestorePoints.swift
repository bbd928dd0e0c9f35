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
    private var index = SnapshotIndex()

    package init(_ catalogue: Catalogue, coldStorage: String?) {
        let known = catalogue.all()
        points = known.points
        if let coldStorage {
            let cold = ArchiveManifest.all(in: coldStorage)
            problems = known.problems + cold.problems
            var places = Dictionary(points.enumerated().map { ($1.run, $0) }) { first, _ in first }
            for point in cold.points {
                let content = try? ArchiveManifest.content(of: point)
                add(
                    point,
                    isSealed: content.map { catalogue.seals.provenance(of: $0, point.seal).isVouchedFor } ?? false,
                    &places)
            }
        } else {
            problems = known.problems
        }
        points.sort { $0.run < $1.run }
        index = SnapshotIndex(points, doubtful: doubtfulRuns)
    }

    /// Whether the catalogue or a seal says that this is the RAM of that VM.
    package func isVouchedFor(_ dump: StoredDump) -> Bool { !doubtful.contains(dump.path) }

    /// Whether the catalogue or a seal says that this run was.
    package func isVouchedForRun(of point: RestorePoint) -> Bool { !doubtfulRuns.contains(point.run) }

    /// - Parameter places: of the runs in `points`.
    private mutating func add(_ sideCar: RestorePoint, isSealed: Bool, _ places: inout [RunID: Int]) {
        if !isSealed { doubtful.formUnion(sideCar.machines.compactMap { $0.dump?.path }) }
        guard let index = places[sideCar.run] else {
            if !isSealed { doubtfulRuns.insert(sideCar.run) }
            places[sideCar.run] = points.count
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
        if let place = index.byGUID[snapshot.guid] ?? index.byName[snapshot.name] {
            return (points[place.point], points[place.point].snapshots[place.snapshot])
        }
        guard let run = SnapshotProperties.run(in: snapshot), let place = index.byRun[run],
            let kept = likeliest(for: snapshot.name, among: points[place].snapshots)
        else { return nil }
        return (points[place], kept)
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

/// Where in the restore points each snapshot is, so that a listing of many does not search them all for each.
private struct SnapshotIndex {
    typealias Place = (point: Int, snapshot: Int)

    private(set) var byGUID: [String: Place] = [:]
    /// Those of which no GUID is known. One that zfs said was not there has been taken since, by who knows whom.
    private(set) var byName: [SnapshotName: Place] = [:]
    private(set) var byRun: [RunID: Int] = [:]

    init() {}

    /// The first of several counts; what is sealed comes first.
    init(_ points: [RestorePoint], doubtful: Set<RunID>) {
        let sealed = points.indices.filter { !doubtful.contains(points[$0].run) }
        let others = doubtful.isEmpty ? [] : points.indices.filter { doubtful.contains(points[$0].run) }
        byGUID.reserveCapacity(points.count)
        for point in sealed + others {
            for (place, snapshot) in points[point].snapshots.enumerated() {
                if let guid = snapshot.guid {
                    if byGUID[guid] == nil { byGUID[guid] = (point, place) }
                } else if snapshot.wasMissing != true, byName[snapshot.name] == nil {
                    byName[snapshot.name] = (point, place)
                }
            }
        }
        for (place, point) in points.enumerated() where byRun[point.run] == nil { byRun[point.run] = place }
    }
}
