internal import Glibc
internal import Hypervisor
internal import Storage
internal import SystemPackage

/// Puts what is needed to make a VM again into the datasets that are about to be snapshotted, and so into the snapshots.
///
/// A dataset that is replicated elsewhere can then be restored there with nothing but itself. Nothing is made durable
/// here: a ZFS snapshot holds what was written before it.
struct Keepsakes: Sendable {
    let storage: StorageMap
    let catalogue: Catalogue

    /// Keeps one VM; nil when that worked, else what an administrator should know.
    func keep(_ planned: PlannedMachine, run: String) async -> String? {
        do {
            guard let keepsake = try await planned.hypervisor.keepsake(of: planned.machine.id) else { return nil }
            let kept = KeptDefinition(
                hypervisor: planned.hypervisor.name, id: planned.machine.id, name: planned.machine.name,
                images: images(of: planned), files: keepsake.files.map(\.name))
            let machine = planned.machine.name
            try await blocking("keeping the definition of \(machine)", within: .seconds(10)) {
                for root in roots(for: planned, run: run) {
                    try write(kept, keepsake, below: root)
                }
            }
            return nil
        } catch {
            return "its definition is not in the snapshot: \(error)"
        }
    }

    /// Removes what earlier runs kept of VMs that are not on the datasets any more.
    func removeStale(_ plan: [PlannedMachine]) {
        let present = Set(plan.map { KeptDefinition.folderName(of: $0.machine.id) })
        for dataset in Set(plan.flatMap(\.datasets)) {
            guard let point = storage.mountTable.mountPoints(of: dataset).first else { continue }
            let folder = "\(point)/\(KeptDefinition.folder)"
            guard isPrivateFolder(folder) else { continue }
            for name in FileAccess.names(in: folder) where !present.contains(name) {
                // Only what is seen to be ours.
                if access("\(folder)/\(name)/machine.json", F_OK) == 0 { removeTree(at: "\(folder)/\(name)") }
            }
        }
    }

    /// The mount points of its datasets; for those that are volumes, a folder of the catalogue.
    private func roots(for planned: PlannedMachine, run: String) -> [(root: String, folder: String)] {
        let name = KeptDefinition.folderName(of: planned.machine.id)
        let mounted = planned.datasets.compactMap { storage.mountTable.mountPoints(of: $0).first }
        var roots = mounted.map { (root: $0, folder: "\($0)/\(KeptDefinition.folder)/\(name)") }
        if mounted.count < planned.datasets.count {
            roots.append((root: catalogue.folder, folder: "\(catalogue.keepsakes(of: run))/\(name)"))
        }
        return roots
    }

    private func write(_ kept: KeptDefinition, _ keepsake: Keepsake, below place: (root: String, folder: String)) throws
    {
        let folder = place.folder
        let copy = KeptCopy(
            folder: folder, definition: Array(keepsake.definition.utf8), machine: try StateFile.text(kept),
            files: keepsake.files)
        try makePrivateFolder(folder, below: place.root)
        // On the guests' own dataset each write may hold up their flushes while they are frozen.
        if copy.isThere { return }
        // Written last and removed first: what is there with it is whole.
        unlink(folder + "/machine.json")
        removeTree(at: folder + "/files")
        for file in keepsake.files {
            let destination = "\(folder)/files/\(file.name)"
            try makePrivateFolder(FileAccess.parent(destination), below: place.root)
            try copySmallFile(file.path, to: destination)
        }
        try writeSmallFile(copy.definition, to: folder + "/definition.xml")
        try writeSmallFile(copy.machine, to: folder + "/machine.json")
    }

    private func images(of planned: PlannedMachine) -> [KeptImage] {
        planned.machine.disks.filter(\.isOwn).flatMap { disk in
            disk.chain.enumerated().compactMap { index, path -> KeptImage? in
                guard let place = try? storage.locate(path),
                    let dataset = place.datasets.sorted().first(where: { planned.datasets.contains($0) })
                else { return nil }
                return KeptImage(
                    target: disk.target, path: path, dataset: dataset,
                    relativePath: relativePath(of: place.resolvedPath, on: dataset), isWritten: index == 0)
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

private func writeSmallFile(_ content: [UInt8], to path: String) throws {
    let file = try FileDescriptor.open(
        FilePath(path), .writeOnly, options: [.create, .truncate, .noFollow, .closeOnExec],
        permissions: .ownerReadWrite)
    _ = try file.closeAfter { try file.writeAll(content) }
}
