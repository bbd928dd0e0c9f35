internal import DiskLocation
internal import Engine
internal import Hypervisor
internal import RunState
internal import Support
internal import SystemPackage
internal import ZFS

/// What is restored: a VM in the snapshots of one run.
struct RestoreSource: Sendable {
    let definition: SavedDefinition
    /// The definition in its hypervisor's words.
    let text: String
    /// The kept files, where they are now.
    let files: [SavedFile]
    /// The snapshot that holds each of the VM's datasets, by the dataset's name when the snapshot was taken.
    let snapshots: [DatasetName: SnapshotName]
    /// What is known of the VM's RAM.
    let dump: StoredDump?
    let consistency: Consistency?
    /// See `VMRecord.staleSince`.
    var staleSince: Int64?
    /// The run that took the snapshots.
    var run: RunID?
    /// Whether somebody vouches for the definition and the files.
    var isTrusted = true

    /// Whose definition it must be.
    var identity: RestoreRequest.Identity { RestoreRequest.Identity(id: definition.id, name: definition.name) }

    /// Whether the snapshots are where they were taken, and not received by another dataset.
    var isAtHome: Bool { snapshots.allSatisfy { $0.key == $0.value.dataset } }
}

extension RestoreSource {
    /// The VM's images as its definition names them, and where they are in the clones.
    func images(in clones: SnapshotClones) async -> [PathMove] {
        var images: [PathMove] = []
        for image in definition.images {
            guard let now = snapshots[image.dataset]?.dataset, let place = await clones.place(of: image, on: now)
            else { continue }
            images.append(PathMove(from: image.path, to: place))
        }
        return images
    }
}

/// Finds out what is restored.
struct RestoreSearch: Sendable {
    let points: RestorePoints
    let catalogue: Catalogue
    let zfs: ZFSCommand
    let clones: SnapshotClones
    /// The name that the clone of a dataset gets; asked for every dataset of the VM.
    let cloneName: @Sendable (DatasetName) throws -> DatasetName
    /// A private folder that copies of kept files are put in.
    let files: String
    /// What nobody vouches for may be used as well.
    let takesUntrusted: Bool
    let storage: StorageMap
    /// Its disks shall be those of the clones.
    let becomesClone: Bool

    /// - Throws: RestoreError `.refused`, UnknownSnapshotError, ZFSError; clones may have been made.
    func find(_ machine: String, in name: SnapshotName) async throws -> RestoreSource {
        let listed = try await zfs.snapshot(name, properties: SnapshotProperties.listedKeys)
        let found = points.point(of: listed)
        if let found { try requireDisk(of: machine, in: name, found.point, found.kept.name.dataset) }
        let run = found?.point.run ?? SnapshotProperties.run(in: listed)
        if becomesClone, let run, let known = recorded(machine, run) { try known.requireClonable(name, storage) }
        try await clones.make(name, as: cloneName(name.dataset))
        let content = try await kept(machine, in: listed, run: run) { key in
            found?.point.machines.first { $0.key == key }?.kept
        }
        let definition = content.definition.withVolumeParts(by: storage)
        if becomesClone { try definition.requireClonable(name, storage) }
        let original = try found?.kept.name.dataset ?? self.original(of: name.dataset, in: definition)
        // What a run kept of VMs on volumes is in one folder, whichever volume was named; and a snapshot that holds no
        // disk of the VM must neither be cloned nor rolled back for it.
        guard definition.images.contains(where: { $0.dataset == original }) else {
            throw elsewhere(machine, name, Set(definition.images.map(\.dataset)))
        }
        let record = found?.point.machines.first { $0.key == definition.key }
        try requireDatasets(of: content, name, original, record)
        var snapshots = [original: name]
        for dataset in Set(definition.images.map(\.dataset)) where dataset != original {
            let other = try await snapshot(of: dataset, like: name, from: original, found?.point)
            try await clones.make(other, as: cloneName(other.dataset))
            snapshots[dataset] = other
        }
        return RestoreSource(
            definition: definition, text: content.text, files: content.files, snapshots: snapshots, dump: record?.dump,
            consistency: record?.consistency, staleSince: record?.staleSince, run: found?.point.run,
            isTrusted: content.provenance.isVouchedFor)
    }

    /// Of other datasets only those whose snapshots are known to hold a disk of the VM are cloned, or rolled back, for it.
    private func requireDatasets(
        of content: SavedContent, _ name: SnapshotName, _ original: DatasetName, _ record: RestorePointVM?
    ) throws {
        var known = Set(record?.datasets ?? [])
        if record == nil, content.provenance.isVouchedFor { known = Set(content.definition.images.map(\.dataset)) }
        known.insert(original)
        let strange = Set(content.definition.images.map(\.dataset)).subtracting(known)
        guard strange.isEmpty else {
            throw RestoreError(
                .refused,
                "what \(name) saved of \(printable(content.definition.name)) names disks on "
                    + "\(strange.sorted().map(\.rawValue).joined(separator: ", ")), and nothing else says that it had any there"
            )
        }
    }

    /// Before anything is cloned: a recursive snapshot's parent and the volumes beside hold no disk of the VM.
    private func requireDisk(
        of machine: String, in name: SnapshotName, _ point: RestorePoint, _ dataset: DatasetName
    ) throws {
        let meant = point.machines.filter { $0.id == machine || $0.name == machine }
        guard !meant.isEmpty, !meant.contains(where: { $0.datasets.contains(dataset) }) else { return }
        throw elsewhere(machine, name, Set(meant.flatMap(\.datasets)))
    }

    private func elsewhere(_ machine: String, _ name: SnapshotName, _ datasets: Set<DatasetName>) -> RestoreError {
        let places = datasets.sorted().map { "\($0)@\(name.name)" }.joined(separator: ", ")
        return RestoreError(
            .refused, "no disk of \(printable(machine)) is in \(name); name a snapshot that has one: \(places)")
    }

    /// What the catalogue has of a VM on devices, so that it is known without a clone; nil where it has nothing.
    private func recorded(_ machine: String, _ run: RunID) -> SavedDefinition? {
        guard let above = try? Folder(reaching: catalogue.folder).folder(run.text) else { return nil }
        return above.names.lazy.compactMap { name in
            let folder = SavedFolder(root: catalogue.folder, parts: [run.text, name])
            return try? SavedDefinition.read(in: folder.open(ownOnly: true), at: folder.path)
        }.first { $0.id == machine || $0.name == machine }?.withVolumeParts(by: storage)
    }

    /// What was kept of the VM: in the snapshot, or beside the state file for a volume.
    private func kept(
        _ machine: String, in snapshot: ListedSnapshot, run: RunID?,
        _ recorded: @escaping (VMKey) -> String?
    ) async throws -> SavedContent {
        var places: [(root: String, name: String)] = []
        if let folder = await clones.folder(of: snapshot.name.dataset) {
            places.append((folder, SavedDefinition.folder))
        }
        if let run { places.append((catalogue.folder, run.text)) }
        var others: Set<String> = []
        var (strange, damaged) = (0, 0)
        for place in places {
            var namesakes: [(SavedDefinition, content: () throws -> SavedContent)] = []
            guard let above = try? Folder(reaching: place.root).folder(place.name) else { continue }
            for name in above.names {
                let folder = SavedFolder(root: place.root, parts: [place.name, name])
                guard let open = try? folder.open(ownOnly: !takesUntrusted) else {
                    strange += 1
                    continue
                }
                guard let bytes = try? open.content(of: "machine.json", limit: SavedDefinition.mostBytes),
                    let definition = try? SavedDefinition.decode(bytes, at: folder.path)
                else {
                    damaged += 1
                    continue
                }
                let content = {
                    try self.content(bytes, folder, of: snapshot.name, recorded: recorded(definition.key))
                }
                if definition.id == machine { return try content() }
                if definition.name == machine { namesakes.append((definition, content)) }
                others.insert(definition.name)
            }
            guard namesakes.count < 2 else {
                let ids = namesakes.map { printable($0.0.id) }.joined(separator: ", ")
                throw RestoreError(
                    .refused, "\(snapshot.name) holds several VMs \(printable(machine)); name one by its id: \(ids)")
            }
            if let only = namesakes.first { return try only.content() }
        }
        let hint =
            others.isEmpty
            ? strange > 0
                ? "what is in \(SavedDefinition.folder) there can be written by others than root, so it is not used"
                : damaged > 0
                    ? "what is in \(SavedDefinition.folder) there is damaged, or was written by a newer version"
                    : "it holds the definition of no VM; was it taken with Stillpoint's hooks?"
            : "it holds \(others.sorted().map { printable($0) }.joined(separator: ", "))"
        throw RestoreError(.refused, "\(snapshot.name) does not hold a VM \(printable(machine)): \(hint)")
    }

    /// - Throws: RestoreError `.refused` where nobody vouches for it.
    /// - Parameter recorded: what the run says that it kept; nil where that is not known.
    private func content(
        _ machine: [UInt8], _ folder: SavedFolder, of snapshot: SnapshotName, recorded: String?
    ) throws -> SavedContent {
        var content: SavedContent
        do {
            content = try SavedContent(
                machine, in: folder.open(ownOnly: !takesUntrusted), at: folder.path, copyingTo: files, catalogue.seals)
        } catch let error as Errno {
            throw RestoreError(
                .undone, "what \(snapshot) saved of the VM is incomplete, or no regular files of a sensible size",
                cause: error)
        }
        // In the catalogue nobody but root can have put it; earlier versions sealed nothing.
        if folder.root == catalogue.folder { content.provenance = .own }
        // What was sealed for another snapshot, and put into this one by whoever may write to the dataset.
        if let recorded, recorded != content.id, content.provenance.isVouchedFor {
            content.provenance = .none("it was saved at another time than this snapshot's")
        }
        guard let doubt = content.provenance.doubt, !takesUntrusted else { return content }
        throw RestoreError(
            .refused,
            "what \(snapshot) saved of \(printable(content.definition.name)) is not trusted: \(doubt). Where it is a "
                + "replica, import the key of the host that took it (there: stillpoint trust --show >key; here: stillpoint trust "
                + "key). Or restore what is harmless of it: --untrusted")
    }

    /// The name that the dataset had when it was snapshotted; it can have another one on a replica.
    private func original(of dataset: DatasetName, in definition: SavedDefinition) throws -> DatasetName {
        let candidates = Set(definition.images.map(\.dataset))
        if candidates.contains(dataset) { return dataset }
        let alike = candidates.filter {
            FileAccess.lastComponent($0.rawValue) == FileAccess.lastComponent(dataset.rawValue)
        }
        if let only = alike.count == 1 ? alike.first : candidates.count == 1 ? candidates.first : nil { return only }
        throw RestoreError(
            .refused,
            "\(dataset) is a copy of one of \(candidates.sorted().map(\.rawValue).joined(separator: ", ")), and nothing "
                + "says of which; copy cold storage here too, or restore where it was taken")
    }

    /// The snapshot of another dataset of the VM: by GUID, else by the place that it has beside the one that is known.
    private func snapshot(
        of dataset: DatasetName, like name: SnapshotName, from original: DatasetName, _ point: RestorePoint?
    ) async throws -> SnapshotName {
        let guid = point?.snapshots.first { $0.name.dataset == dataset && $0.name.name == name.name }?.guid
        if let guid, let found = try await zfs.snapshots(of: name.dataset.pool).first(where: { $0.guid == guid }) {
            return found.name
        }
        let moved = name.dataset == original ? dataset.rawValue : sibling(dataset, of: original, at: name.dataset)
        let guess = try SnapshotName("\(moved)@\(name.name)")
        guard try await zfs.exists(guess.rawValue) else {
            throw RestoreError(
                .refused, "a disk of the VM is on \(dataset), whose snapshot \(guess) is not there; receive it first")
        }
        return guess
    }

    /// `a/VM/db` beside `a/VM`, which is `b/copy` here: `b/copy/db`.
    private func sibling(_ dataset: DatasetName, of original: DatasetName, at now: DatasetName) -> String {
        let (theirs, ours) = (dataset.rawValue.split(separator: "/"), original.rawValue.split(separator: "/"))
        let shared = zip(theirs, ours).prefix { $0 == $1 }.count
        let above = now.rawValue.split(separator: "/").dropLast(ours.count - shared)
        return (above + theirs.dropFirst(shared)).joined(separator: "/")
    }
}
