internal import DiskLocation
internal import Engine
internal import Glibc
internal import Hypervisor
internal import RunState
internal import Support
internal import SystemPackage
internal import ZFS

/// Puts a VM's own image files back on datasets that others use too: copied out of clones of the snapshots, the present
/// ones kept beside them until the VM runs.
///
/// The dataset may be a tenant's: what is renamed is named by the folder that was opened, never by a path that could lead
/// elsewhere by then.
struct FileCopyRestorer: DiskRestorer {
    private let files: [RestoredFile]
    private let job: RestoreJob

    /// Of the VM's files; devices are not its to put back.
    /// - Throws: RestoreError `.refused` for a changed image that another VM uses as well.
    init(source: RestoreSource, clones: SnapshotClones, job: RestoreJob, others: [VirtualMachine]) async throws {
        self.job = job
        let used = Set(others.flatMap(\.disks).flatMap(\.chain).compactMap { try? job.storage.locate($0).resolvedPath })
        var files: [RestoredFile] = []
        let run = RunID.make()
        for image in source.definition.images {
            guard let relativePath = image.relativePath else { continue }
            // Not through a symbolic link to it, which may lie anywhere.
            guard let now = source.snapshots[image.dataset]?.dataset, let root = await clones.folder(of: now),
                let point = job.storage.mountTable.mountPoints(of: image.dataset).first
            else { continue }
            let present = "\(point)/\(relativePath)"
            // The same backing image can serve two disks, and those of other VMs.
            if files.contains(where: { $0.present == present }) { continue }
            let file = RestoredFile(
                root: root, relativePath: relativePath, present: present,
                folder: try Self.folder(of: relativePath, on: image.dataset, present, job.storage.mountTable), run: run)
            if !image.isWritten, file.isUnchanged { continue }
            guard !used.contains(present) else {
                throw RestoreError(
                    .refused,
                    "\(printable(present, limit: 300)) is another VM's too and has changed since; restore --as a new VM"
                )
            }
            files.append(file)
        }
        self.files = files
    }

    private static func folder(
        of relativePath: String, on dataset: DatasetName, _ present: String, _ mounts: MountTable
    ) throws -> Folder {
        let folder: Folder
        do {
            guard let path = RelativePath(relativePath) else { throw Errno.invalidArgument }
            guard let root = try mounts.folder(of: dataset) else { throw Errno.noSuchFileOrDirectory }
            folder = try root.folder(along: path.parent)
        } catch {
            throw RestoreError(
                .refused,
                "the folder of \(printable(present, limit: 300)) is not there, or behind a symbolic link; make it, or restore "
                    + "--as a new VM", cause: error)
        }
        // A link is put aside as a file is, and never followed.
        guard [nil, S_IFREG, S_IFLNK].contains(folder.kind(of: FileAccess.lastComponent(relativePath))) else {
            throw RestoreError(
                .refused, "\(printable(present, limit: 300)) is no file; move it away, or restore --as a new VM")
        }
        return folder
    }

    func prepare() async throws {
        for file in files {
            let what = file.name
            let tell = job.progress.map { tell in
                { @Sendable (done: UInt64, total: UInt64) in tell(what, done, total) }
            }
            try await blocking("copying \(file.present)", within: .seconds(24 * 3600)) {
                try file.makeCopy(tell)
            }
        }
    }

    func discardPrepared() async {
        for file in files { file.folder.unlink(file.newName) }
    }

    func restoreFormerDisks() async throws {
        for file in files {
            do {
                try file.folder.rename(file.name, to: file.keptName)
            } catch {
                // An image that is gone by now has nothing to be kept.
                guard error == .noSuchFileOrDirectory else { throw error }
            }
            try file.putInPlace()
        }
    }

    /// The present disks come back.
    func stateAfterFailure() async -> String {
        var left: [String] = []
        for file in files where file.hasKept {
            if (try? file.folder.rename(file.keptName, to: file.name)) == nil { left.append(file.kept) }
        }
        await discardPrepared()
        return left.isEmpty
            ? "Its disks are as they were before."
            : "Its disks as they were before are in \(left.joined(separator: ", "))."
    }

    var whereabouts: String {
        let kept = files.filter(\.hasKept).map(\.kept)
        return kept.isEmpty
            ? "None of its disks was moved yet."
            : "Its disks as they were before are in \(kept.joined(separator: ", "))."
    }

    func finish(isRunning: Bool) async -> String {
        let kept = files.filter(\.hasKept)
        guard !isRunning else {
            for file in kept { file.folder.unlink(file.keptName) }
            return ""
        }
        return kept.isEmpty
            ? "" : "; its disks as they were are kept in \(kept.map(\.kept).joined(separator: ", "))"
    }
}
