internal import Glibc
internal import Hypervisor
internal import Storage
internal import SystemPackage

/// Puts a VM's own image files back on datasets that others use too: copied out of clones of the snapshots, the present
/// ones kept beside them until the VM runs.
struct FileRestoration: DiskRestoration {
    private struct File: Sendable {
        let source: String
        let present: String
        var new: String { present + ".stillpoint-new" }
        var kept: String

        init(source: String, present: String, run: String) {
            self.source = source
            self.present = present
            kept = "\(present).before-\(run)"
        }
    }

    private let files: [File]
    private let job: RestoreJob

    /// - Throws: RestoreError `.refused` for a volume or a changed image that another VM uses as well.
    init(source: RestoreSource, clones: SnapshotClones, job: RestoreJob, others: [VirtualMachine]) async throws {
        self.job = job
        let used = Set(others.flatMap(\.disks).flatMap(\.chain).compactMap { try? job.storage.locate($0).resolvedPath })
        var files: [File] = []
        let run = makeRunID()
        for image in source.definition.images {
            guard image.relativePath != nil else {
                throw RestoreError(
                    .refused, "the volume \(image.dataset) is used by another VM too; restore --as a new VM")
            }
            guard let now = source.snapshots[image.dataset]?.dataset,
                let place = await clones.place(of: now, relativePath: image.relativePath)
            else { continue }
            let present = job.presentPlace(of: image)
            // The same backing image can serve two disks, and those of other VMs.
            if files.contains(where: { $0.present == present }) { continue }
            if !image.isWritten, isUnchanged(present, since: place) { continue }
            guard !used.contains(present) else {
                throw RestoreError(
                    .refused,
                    "\(printable(present, limit: 300)) is another VM's too and has changed since; restore --as a new VM"
                )
            }
            files.append(File(source: place, present: present, run: run))
        }
        self.files = files
    }

    func prepare() async throws {
        for file in files {
            unlink(file.new)
            let tell = job.progress
            let what = FileAccess.lastComponent(file.present)
            try await blocking("copying \(file.source)", within: .seconds(24 * 3600)) {
                try copyLargeFile(file.source, to: file.new) { tell?(what, $0, $1) }
            }
        }
    }

    func abandon() async {
        for file in files { unlink(file.new) }
    }

    func putBack() async throws {
        for file in files {
            // An image that is gone by now has nothing to be kept.
            guard rename(file.present, file.kept) == 0 || errno == ENOENT, rename(file.new, file.present) == 0 else {
                throw Errno(rawValue: errno)
            }
        }
    }

    /// The present disks come back.
    func stateAfterFailure() async -> String {
        var left: [String] = []
        for file in files where fileExists(file.kept) {
            if rename(file.kept, file.present) != 0 { left.append(file.kept) }
        }
        await abandon()
        return left.isEmpty
            ? "Its disks are as they were before."
            : "Its disks as they were before are in \(left.joined(separator: ", "))."
    }

    func finish(isRunning: Bool) async -> String {
        let kept = files.map(\.kept).filter { fileExists($0) }
        guard !isRunning else {
            for path in kept { unlink(path) }
            return ""
        }
        return kept.isEmpty ? "" : "; its disks as they were are kept in \(kept.joined(separator: ", "))"
    }
}

extension RestoreJob {
    /// Where an image is on its dataset, and not a symbolic link to it, which may lie anywhere.
    fileprivate func presentPlace(of image: KeptImage) -> String {
        guard let relativePath = image.relativePath,
            let point = storage.mountTable.mountPoints(of: image.dataset).first
        else { return image.path }
        return "\(point)/\(relativePath)"
    }
}

/// Whether a file is as it was when the snapshot was taken, as far as its length and the time of its last change tell.
private func isUnchanged(_ path: String, since old: String) -> Bool {
    var (now, then) = (stat(), stat())
    guard stat(path, &now) == 0, stat(old, &then) == 0 else { return false }
    return now.st_size == then.st_size && now.st_mtim.tv_sec == then.st_mtim.tv_sec
        && now.st_mtim.tv_nsec == then.st_mtim.tv_nsec
}
