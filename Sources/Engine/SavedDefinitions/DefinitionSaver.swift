package import DiskLocation
package import Hypervisor
package import RunState
internal import Support
internal import SystemPackage
internal import ZFS

/// Puts what is needed to make a VM again into the datasets that are about to be snapshotted, and so into the snapshots.
///
/// A dataset that is replicated elsewhere can then be restored there with nothing but itself. Nothing is made durable
/// here: a ZFS snapshot holds what was written before it.
package struct DefinitionSaver: Sendable {
    package let storage: StorageMap
    package let catalogue: Catalogue
    /// All that are configured; without any, nothing is removed.
    package var hypervisors: [any Hypervisor] = []

    package init(storage: StorageMap, catalogue: Catalogue, hypervisors: [any Hypervisor] = []) {
        self.storage = storage
        self.catalogue = catalogue
        self.hypervisors = hypervisors
    }

    /// Saves the definition of one VM.
    /// - Parameter budget: for all VMs of the run.
    func save(_ planned: PlannedVM, run: RunID, within budget: SavingBudget) async -> SavingResult {
        let left = await budget.begin()
        let kept =
            left > .zero ? await withDeadline(.now + left) { await save(planned, run: run, limit: left) } : nil
        await budget.end()
        return kept
            ?? SavingResult("its definition is not in the snapshot: the time for saving definitions was used up")
    }

    private func save(_ planned: PlannedVM, run: RunID, limit: Duration) async -> SavingResult {
        do {
            guard let exported = try await planned.hypervisor.exportDefinition(of: planned.machine.id) else {
                return SavingResult(nil)
            }
            let machine = planned.machine.name
            let (problems, id) = try await blocking("saving the definition of \(machine)", within: limit) {
                try write(exported, planned, run: run)
            }
            return SavingResult(problems.isEmpty ? nil : problems.joined(separator: "; "), id: id)
        } catch let error as ForeignFolderError {
            return SavingResult("its definition is not in the snapshot: \(error)", isForeign: true)
        } catch let error as SealError {
            return SavingResult("its definition is in the snapshot without a seal: \(error)")
        } catch {
            return SavingResult("its definition is not in the snapshot: \(error)")
        }
    }

    private func write(_ exported: ExportedDefinition, _ planned: PlannedVM, run: RunID) throws -> (
        problems: [String], id: String?
    ) {
        var id: String?
        let sources = SavedFileSources(exported.files)
        let kept = SavedDefinition(
            hypervisor: planned.hypervisor.name, id: planned.machine.id, name: planned.machine.name,
            images: images(of: planned), files: sources.files.map(\.name))
        for folder in try folders(for: planned, kept, run: run) {
            let copy = SavedCopy(
                folder: folder, definition: Array(exported.definition.utf8), machine: try StateFile.text(kept),
                sources: sources)
            // On the guests' own dataset each write may hold up their flushes while they are frozen.
            let content = try copy.isThere ?? copy.write()
            try copy.seal(content, by: catalogue.seals.own().all)
            id = content.id
        }
        return (sources.problems, id)
    }

    /// The VM's folder in each of its datasets that is mounted; for devices, one in the catalogue.
    private func folders(for planned: PlannedVM, _ kept: SavedDefinition, run: RunID) throws -> [Folder] {
        let name = SavedDefinition.folderName(of: planned.machine.id)
        var folders: [Folder] = []
        // A loop device's file is on a dataset with a folder: what cannot be restored to a clone is seen without one.
        var hasVolume = kept.images.contains { $0.part != nil }
        for dataset in planned.datasets {
            guard let root = try storage.mountTable.folder(of: dataset) else {
                hasVolume = true
                continue
            }
            do {
                folders.append(try root.madePrivateFolder(SavedDefinition.folder).madePrivateFolder(name))
            } catch {
                guard [.fileExists, .notDirectory, .tooManySymbolicLinkLevels, .improperLink].contains(error) else {
                    throw error
                }
                throw ForeignFolderError(dataset: dataset, cause: error)
            }
        }
        if hasVolume {
            folders.append(try Folder(catalogue.folder).madePrivateFolder(run.text).madePrivateFolder(name))
        }
        return folders
    }

    private func images(of planned: PlannedVM) -> [SavedImage] {
        planned.machine.disks.filter(\.isOwn).flatMap { disk in
            disk.chain.enumerated().flatMap { index, path -> [SavedImage] in
                guard let place = try? storage.locate(path),
                    let first = place.datasets.sorted().first(where: { planned.datasets.contains($0) })
                else { return [] }
                // Of a stack over several volumes all, also those that are not snapshotted now: some of them are of no use.
                let datasets = place.volumePart == .stacked ? place.datasets.sorted() : [first]
                return datasets.map { dataset in
                    SavedImage(
                        target: disk.target, path: path, dataset: dataset,
                        relativePath: relativePath(of: place.resolvedPath, on: dataset), isWritten: index == 0,
                        format: disk.format(of: path), part: place.volumePart)
                }
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

/// How the saving of a VM's definition ended.
struct SavingResult: Sendable {
    /// What an administrator should know; nil: nothing.
    let problem: String?
    /// Somebody else's folder is in the place of ours, and will be in the snapshot.
    let isForeign: Bool
    /// `SealedContent.id` of what is kept; nil where nothing is.
    let id: String?

    init(_ problem: String?, isForeign: Bool = false, id: String? = nil) {
        self.problem = problem
        self.isForeign = isForeign
        self.id = id
    }
}

/// In a dataset is something in the place of our folder that is not ours.
struct ForeignFolderError: Error, CustomStringConvertible {
    let dataset: DatasetName
    let cause: any Error

    var description: String {
        "\(SavedDefinition.folder) of \(dataset), or what is in it, is another user's or no folder (\(cause)); find "
            + "out who made it, "
            + "and remove it"
    }
}
