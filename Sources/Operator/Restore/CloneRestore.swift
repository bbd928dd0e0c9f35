internal import Configuration
internal import DiskLocation
internal import Engine
internal import Hypervisor
internal import Logging
internal import Support
internal import ZFS

/// `restore --as NAME`: a new VM on clones of the snapshots, beside the one that keeps running.
struct CloneRestore: Sendable {
    let job: RestoreJob
    let name: String

    func run() async throws {
        let trace = try RestoreTrace("\(job.options.machine) of \(job.snapshot) as \(name)", in: job.directory)
        let clones = SnapshotClones(zfs: job.zfs, id: trace.id, dev: job.storage.dev)
        do {
            try await restore(clones, trace)
        } catch let error as RestoreError where error.code == .halfDone {
            // The VM may be there: its disks are not taken from it.
            throw error
        } catch {
            let left = await clones.destroy()
            if left.isEmpty, await !clones.mayStillMake { trace.end() }
            guard left.isEmpty else {
                throw RestoreError(
                    .halfDone,
                    "not restored; destroy the clones that are left: "
                        + destroying(left), cause: error)
            }
            throw error
        }
        let left = await clones.leave()
        for clone in left {
            job.log.warning("zfs did not take \(RestoreTrace.property) from \(clone); stillpoint recover does it")
        }
        if left.isEmpty { trace.end() }
    }

    private func restore(_ clones: SnapshotClones, _ trace: RestoreTrace) async throws {
        try await requireFreeName()
        let name = name
        let first = job.snapshot.dataset
        let source = try await job.search(clones, copyingTo: trace.files, becomesClone: true) {
            try cloneDataset(of: $0, named: name, isFirst: $0 == first)
        }
        let hypervisor = try await job.hypervisor(of: source)
        let moves = await source.images(in: clones)
        let formats = try job.formats(of: source, hypervisor)
        let images = RestoredImages(images: moves, formats: source.isTrusted ? formats : nil)
        try images.requireHarmless()
        try await putChainsOnClones(moves, formats)
        try images.requireHarmless(also: moves.map(\.to))
        let names = await clones.names
        let datasets = names.joined(separator: ", ")
        await warnOfTree(around: names)
        let memory = try await job.retrieveMemory(source, changeable: true)
        defer { memory?.remove() }
        let power = job.power(hasMemory: memory != nil)
        do {
            let request = RestoreRequest(
                definition: source.text, files: source.files, moves: moves, newName: name, ramDump: memory?.path,
                power: power, linksUp: job.options.connect ? nil : false, identity: source.identity,
                isTrusted: source.isTrusted)
            try job.tell(leftOut: try await hypervisor.checkRestore(request), hasMemory: memory != nil)
            _ = try await hypervisor.restore(request)
        } catch {
            if let doubt = await doubt(of: hypervisor, after: error) {
                throw RestoreError(
                    .halfDone,
                    "\(name) was not restored, and \(doubt): the clones stay (\(datasets)). Undefine the VM where it is "
                        + "there, then: stillpoint recover",
                    cause: error)
            }
            throw RestoreError(.undone, "\(name) was not restored", cause: error)
        }
        let links = job.options.connect ? "" : ", its network links down"
        let what = memory == nil ? "its disks" : "disks and RAM"
        let settings = job.configuration.hypervisors.first { $0.name == hypervisor.name }
        let line =
            "\(name): \(what) as in \(job.snapshot), \(power.summary)\(links); it lives on \(datasets). "
            + "To remove it\(removing(name, from: settings, runs: power != .off)) \(destroying(names))"
        job.log.info("\(line)")
    }

    /// Says where the clones are snapshotted along with others from now on.
    private func warnOfTree(around clones: [String]) async {
        let trees = SnapshottedTrees(
            configuration: job.configuration, zfs: job.zfs, snapshotName: job.snapshot.name)
        for clone in clones.compactMap({ try? DatasetName($0) }) {
            guard let tree = await trees.tree(around: clone) else { continue }
            let line =
                "\(clone) lies below \(tree.root), which is snapshotted with all that is below it (\(tree.evidence)): so is the "
                + "new VM from now on; leave it out there, or move the dataset (zfs rename) while the VM is off"
            job.log.warning("\(line)")
        }
    }

    /// Or the clone would read the original's base, which may change.
    ///
    /// Nothing is found out from an image's first bytes, which may be the guest's: an image whose format nobody recorded
    /// is not read, and none is put below another one without its own.
    private func putChainsOnClones(_ moves: [PathMove], _ recorded: [String: String]) async throws {
        var formats = recorded
        // Images come from the top of a chain down.
        for move in moves where formats[move.from] == "qcow2" {
            do throws(StorageError) {
                let image = try RestoredImages.file(move.to)
                guard let backing = try ImageHeader.read(image).backing,
                    let path = ImageChain.localPath(backing.name, from: move.from),
                    let now = moves.first(where: { $0.from == path })
                else { continue }
                guard let format = formats[path] ?? backing.format else {
                    throw StorageError(
                        .badImage,
                        "nothing says of what format '\(printable(path, limit: 300))' is, which lies below "
                            + "'\(printable(move.from, limit: 300))'; say it, and take another snapshot: "
                            + "qemu-img rebase -u -F FORMAT -b BASE IMAGE")
                }
                formats[path] = format
                try await ImageChain.rebase(image, onto: now.to, format: format)
            } catch {
                throw RestoreError(.undone, "\(name) was not restored", cause: error)
            }
        }
    }

    /// Why the new VM may be there though it could not be made; nil: it is not.
    private func doubt(of hypervisor: any Hypervisor, after error: any Error) async -> String? {
        if error.mayStillHappen { return "it may come up yet" }
        do {
            let isThere = try await hypervisor.virtualMachines().contains { $0.name == name }
            return isThere ? "it is there" : nil
        } catch {
            return "whether it is there is not known"
        }
    }

    private func requireFreeName() async throws {
        guard !name.isEmpty, !name.contains("/"), !name.contains(where: \.isNewline) else {
            throw RestoreError(.refused, "'\(printable(name))' cannot be a VM's name")
        }
        for hypervisor in try await job.hypervisors.all() {
            guard try await !hypervisor.virtualMachines().contains(where: { $0.name == name }) else {
                throw RestoreError(.refused, "a VM \(name) exists already; choose another name")
            }
        }
    }
}

/// What comes between `To remove it` and the commands that destroy its clones.
/// - Parameter settings: of its hypervisor; nil: its section is gone.
func removing(_ name: String, from settings: HypervisorSettings?, runs: Bool) -> String {
    guard let settings, settings.kind == "libvirt" else {
        return "\(runs ? ", switch it off and" : ",") undefine it, then:"
    }
    let virsh = settings.uri == "qemu:///system" ? "virsh" : "virsh -c \(shellQuoted(settings.uri))"
    let stop = runs ? "\(virsh) destroy \(shellQuoted(name)); " : ""
    return ": \(stop)\(virsh) undefine --nvram \(shellQuoted(name));"
}

/// The commands that destroy clones; zfs takes one a call.
private func destroying(_ clones: [String]) -> String {
    clones.map { "zfs destroy -r \(shellQuoted($0))" }.joined(separator: "; ")
}

/// Beside the dataset and not below it, where a recursive snapshot would take it along: `tank/VM` -> `tank/NAME`.
///
/// A VM on several datasets gets as many clones; all but the first carry their dataset's own name as well.
private func cloneDataset(of dataset: DatasetName, named name: String, isFirst: Bool) throws -> DatasetName {
    let plain = String(name.unicodeScalars.map { isPlain($0) ? Character($0) : "_" })
    let word = isFirst ? plain : "\(plain)-\(FileAccess.lastComponent(dataset.rawValue))"
    guard let parent = dataset.parent else { return try DatasetName("\(dataset)/\(word)") }
    return try DatasetName("\(parent)/\(word)")
}

/// What a part of a dataset's name may be made of, blanks apart (zfs(8)).
private func isPlain(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "a"..."z", "A"..."Z", "0"..."9", "-", "_", ".": true
    default: false
    }
}

extension RestoreRequest.Power {
    var summary: String {
        switch self {
        case .off: "off"
        case .running: "running"
        case .paused: "paused"
        }
    }
}
