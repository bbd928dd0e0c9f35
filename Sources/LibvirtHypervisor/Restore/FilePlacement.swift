internal import Glibc
internal import Hypervisor
internal import Support
internal import SystemPackage

/// A saved file and where a domain needs it.
///
/// The folders there are QEMU's or swtpm's user's: each is reached without following that user's symbolic links, and what is
/// made in it is named in the folder that was opened.
struct FilePlacement: Sendable, Equatable {
    let from: String
    let to: String
    /// Where the original domain has it; who owns that file, or the folder it is in, shall own the copy.
    let original: String?

    private var name: String { FileAccess.lastComponent(to) }

    /// Fails where something is there already: a new VM takes nobody's files.
    func requireAbsence() throws {
        let isThere: Bool
        do {
            isThere = try Folder(reaching: FileAccess.parent(to)).has(name)
        } catch {
            // A folder that cannot be reached is named by `place`.
            isThere = false
        }
        guard !isThere else {
            throw HypervisorError(
                .exists, "\(to) is there already; remove it, or choose another name for the VM", remedy: .stop)
        }
    }

    /// Puts a copy in place, so that a power cut leaves the old file or the new one, whole. Folders that are missing
    /// are made.
    /// - Returns: what was not there before, the outermost first.
    func place() throws -> [String] {
        var made: [String] = []
        let temporary = name + ".stillpoint"
        do {
            let folder = try makeFolders(&made)
            let isNew = !folder.has(name)
            do {
                try copy(into: folder, temporary)
                try folder.rename(temporary, to: name)
            } catch {
                folder.unlink(temporary)
                throw error
            }
            try folder.sync()
            if isNew { made.append(to) }
            return made
        } catch {
            Self.remove(made)
            throw HypervisorError(.callFailed, "\(from) cannot be copied to \(to)", remedy: .stop, cause: error)
        }
    }

    /// Deletes files and empty folders that `place` made.
    static func remove(_ made: [String]) {
        for path in made.reversed() {
            guard let folder = try? Folder(reaching: FileAccess.parent(path)) else { continue }
            let name = FileAccess.lastComponent(path)
            folder.unlink(name)
            folder.removeEmptyFolder(name)
        }
    }

    /// The folder that the file belongs in.
    private func makeFolders(_ made: inout [String]) throws -> Folder {
        var missing: [String] = []
        var path = FileAccess.parent(to)
        var folder: Folder?
        while folder == nil {
            do {
                folder = try Folder(reaching: path)
            } catch {
                guard error == .noSuchFileOrDirectory, path != "/" else { throw error }
                missing.append(FileAccess.lastComponent(path))
                path = FileAccess.parent(path)
            }
        }
        guard var last = folder else { throw Errno.noSuchFileOrDirectory }
        let isMade = !missing.isEmpty
        for name in missing.reversed() {
            path = path == "/" ? "/\(name)" : "\(path)/\(name)"
            // libvirt's own mode for the folder of a domain; it sets that of the folder within itself.
            last = try last.madeFolder(name, mode: 0o711)
            made.append(path)
        }
        if isMade, let owner = originalFolder?.ownership { try last.give(to: owner) }
        return last
    }

    private var originalFolder: Folder? { original.flatMap { try? Folder(reaching: FileAccess.parent($0)) } }

    private func copy(into folder: Folder, _ temporary: String) throws {
        let source = try Folder(reaching: FileAccess.parent(from)).file(FileAccess.lastComponent(from))
        try source.closeAfter {
            let target = try folder.newFile(temporary)
            try target.closeAfter {
                try FileCopy(of: source, to: target, limit: SavedFile.mostBytes).make()
                let model = originalFolder
                let owner =
                    try original.flatMap { model?.ownership(of: FileAccess.lastComponent($0)) } ?? model?.ownership
                    ?? FileOwnership(source.status())
                // Whatever its mode is where it was kept: variables and a TPM's secrets are their owner's alone.
                try FileOwnership(user: owner.user, group: owner.group, mode: 0o600).apply(to: target)
                try target.sync()
            }
        }
    }
}
