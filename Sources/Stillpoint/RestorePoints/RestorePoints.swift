internal import Storage

/// Everything known of past runs: the catalogue, and what cold storage's side-cars tell where the catalogue is silent.
///
/// So the catalogue can be lost, and a copy of cold storage beside a replica of the datasets is enough on another host.
struct RestorePoints: Sendable {
    private(set) var points: [RestorePoint]
    /// Files that could not be used.
    let problems: [StateError]

    init(_ catalogue: Catalogue, coldStorage: String?) {
        let known = catalogue.all()
        points = known.points
        if let coldStorage {
            let cold = SideCar.all(in: coldStorage)
            problems = known.problems + cold.problems
            for point in cold.points { add(point) }
        } else {
            problems = known.problems
        }
        points.sort { $0.run < $1.run }
    }

    private mutating func add(_ sideCar: RestorePoint) {
        guard let index = points.firstIndex(where: { $0.run == sideCar.run }) else { return points.append(sideCar) }
        for machine in sideCar.machines {
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
        for snapshot in sideCar.snapshots where !points[index].snapshots.contains(where: { $0.name == snapshot.name }) {
            points[index].snapshots.append(snapshot)
        }
    }

    /// The point of a snapshot and the snapshot in it: by GUID, else by name where no GUID is known, else by run.
    func point(of snapshot: ListedSnapshot) -> (point: RestorePoint, kept: KeptSnapshot)? {
        for point in points {
            if let kept = point.snapshots.first(where: { $0.guid == snapshot.guid }) { return (point, kept) }
        }
        for point in points {
            // One that zfs said was not there has been taken since, by who knows whom.
            let kept = point.snapshots.first { $0.guid == nil && $0.wasMissing != true && $0.name == snapshot.name }
            if let kept { return (point, kept) }
        }
        guard let run = snapshot.properties[SnapshotProperties.runKey],
            let point = points.first(where: { $0.run == run }),
            let kept = likeliest(for: snapshot.name, among: point.snapshots)
        else { return nil }
        return (point, kept)
    }

    /// The same name, else that of a dataset whose last part is the same, else the only one.
    private func likeliest(for name: SnapshotName, among kept: [KeptSnapshot]) -> KeptSnapshot? {
        let candidates = kept.filter { $0.name.name == name.name }
        if let same = candidates.first(where: { $0.name == name }) { return same }
        let last = FileAccess.lastComponent(name.dataset.rawValue)
        return candidates.first { FileAccess.lastComponent($0.name.dataset.rawValue) == last }
            ?? (candidates.count == 1 ? candidates.first : nil)
    }
}
