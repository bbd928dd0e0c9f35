internal import Glibc
internal import RunState
internal import Support
internal import Synchronization
internal import SystemPackage

/// An image on a dataset, and its copy out of a snapshot, in the folder that was opened for it and that holds both.
///
/// The folder may be a tenant's: everything is named in the folder itself, by plain names.
final class RestoredFile: Sendable {
    /// The clone's mount point.
    private let root: String
    /// The image below it, and below the dataset's own mount point.
    private let relativePath: String
    /// Where the image is now, for messages.
    let present: String
    /// The folder that holds it.
    let folder: Folder
    private let run: RunID
    /// The number of the copy; 0 before it is made.
    private let copy = Atomic<UInt64>(0)

    init(root: String, relativePath: String, present: String, folder: Folder, run: RunID) {
        self.root = root
        self.relativePath = relativePath
        self.present = present
        self.folder = folder
        self.run = run
    }

    var name: String { FileAccess.lastComponent(present) }
    var newName: String { name + ".stillpoint-new" }
    var keptName: String { "\(name).before-\(run)" }
    var kept: String { "\(present).before-\(run)" }
    var hasKept: Bool { folder.has(keptName) }

    private func source() throws -> FileDescriptor { try Folder(reaching: root).file(relativePath) }

    /// Whether it is as it was when the snapshot was taken, as far as its length and the time of its last change tell.
    var isUnchanged: Bool {
        guard let now = try? folder.status(of: name), let source = try? source() else { return false }
        defer { try? source.close() }
        guard let then = try? source.status() else { return false }
        return now.st_size == then.st_size && now.st_mtim.tv_sec == then.st_mtim.tv_sec
            && now.st_mtim.tv_nsec == then.st_mtim.tv_nsec
    }

    /// Copies it out of the snapshot, durably, under a name of its own.
    func makeCopy(_ tell: (@Sendable (UInt64, UInt64) -> Void)?) throws {
        let input = try source()
        try input.closeAfter {
            let output = try folder.newFile(newName)
            do {
                try output.closeAfter {
                    try FileCopy(of: input, to: output).make(progress: tell)
                    try ownership(of: input).apply(to: output)
                    try output.sync()
                    copy.store(UInt64(try output.status().st_ino), ordering: .releasing)
                }
            } catch {
                folder.unlink(newName)
                throw error
            }
        }
    }

    /// The present image's owner keeps it, and nobody may use it who could not use both: what was taken away since the
    /// snapshot is not given again, and the snapshot's content to nobody who could not read it then.
    private func ownership(of source: FileDescriptor) throws -> FileOwnership {
        let then = FileOwnership(try source.status())
        guard let now = try? folder.status(of: name) else { return then }
        return FileOwnership(now).restricted(to: then)
    }

    /// Gives the copy the image's name, durably.
    /// - Throws: Errno, `.staleNFSFileHandle` where somebody put another file in the copy's place.
    func putInPlace() throws {
        guard folder.number(of: newName) == copy.load(ordering: .acquiring) else {
            throw Errno.staleNFSFileHandle
        }
        try folder.rename(newName, to: name)
        try folder.sync()
        // Whoever owns the folder could still do it between the two; the VM is not started on it then.
        guard folder.number(of: name) == copy.load(ordering: .acquiring) else { throw Errno.staleNFSFileHandle }
    }
}
