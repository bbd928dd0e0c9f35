internal import Hypervisor
internal import Storage

/// Puts what is needed to make a VM again into the datasets that are about to be snapshotted, and so into the snapshots.
///
/// A dataset that is replicated elsewhere can then be restored there with nothing but itself. Nothing is made durable
/// here: a ZFS snapshot holds what was written before it.
struct Keepsakes: Sendable {
    let storage: StorageMap
    let catalogue: Catalogue
    /// All that are configured; without any, nothing is removed.
    var hypervisors: [any Hypervisor] = []

    /// Keeps one VM; nil when that worked, else what an administrator should know.
    func keep(_ planned: PlannedMachine, run: String) async -> String? {
        do {
            guard let keepsake = try await planned.hypervisor.keepsake(of: planned.machine.id) else { return nil }
            let kept = KeptDefinition(
                hypervisor: planned.hypervisor.name, id: planned.machine.id, name: planned.machine.name,
                images: images(of: planned), files: keepsake.files.map(\.name))
            let machine = planned.machine.name
            try await blocking("keeping the definition of \(machine)", within: .seconds(10)) {
                for place in places(for: planned, run: run) {
                    try write(kept, keepsake, to: place)
                }
            }
            return nil
        } catch {
            return "its definition is not in the snapshot: \(error)"
        }
    }

    /// The mount points of its datasets; for those that are volumes, a folder of the catalogue.
    private func places(for planned: PlannedMachine, run: String) -> [(root: String, parts: [String])] {
        let name = KeptDefinition.folderName(of: planned.machine.id)
        let mounted = planned.datasets.compactMap { storage.mountTable.mountPoints(of: $0).first }
        var places = mounted.map { (root: $0, parts: [KeptDefinition.folder, name]) }
        if mounted.count < planned.datasets.count {
            places.append((root: catalogue.folder, parts: [run, name]))
        }
        return places
    }

    private func write(_ kept: KeptDefinition, _ keepsake: Keepsake, to place: (root: String, parts: [String])) throws {
        var folder = try Folder(place.root)
        for part in place.parts { folder = try folder.madePrivateFolder(part) }
        let copy = KeptCopy(
            folder: folder, definition: Array(keepsake.definition.utf8), machine: try StateFile.text(kept),
            files: keepsake.files)
        // On the guests' own dataset each write may hold up their flushes while they are frozen.
        if !copy.isThere { try copy.write() }
    }

    private func images(of planned: PlannedMachine) -> [KeptImage] {
        planned.machine.disks.filter(\.isOwn).flatMap { disk in
            disk.chain.enumerated().compactMap { index, path -> KeptImage? in
                guard let place = try? storage.locate(path),
                    let dataset = place.datasets.sorted().first(where: { planned.datasets.contains($0) })
                else { return nil }
                return KeptImage(
                    target: disk.target, path: path, dataset: dataset,
                    relativePath: relativePath(of: place.resolvedPath, on: dataset), isWritten: index == 0,
                    format: disk.format(of: path))
            }
        }
    }

    private func relativePath(of path: String, on dataset: DatasetName) -> String? {
        guard let point = storage.mountTable.mountPoints(of: dataset).first(where: { path.hasPrefix($0 + "/") }) else {
            return nil
        }
        return String(path.dropFirst(point.count + 1))
    }
}
