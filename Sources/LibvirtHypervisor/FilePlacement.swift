internal import Glibc
internal import Hypervisor
internal import SystemPackage

/// A kept file and where a domain needs it.
struct FilePlacement: Sendable, Equatable {
    let from: String
    let to: String
    /// Where the original domain has it; who owns that file, or the folder it is in, shall own the copy.
    let original: String?

    /// Fails where something is there already: a new VM takes nobody's files.
    func requireAbsence() throws {
        var status = stat()
        guard lstat(to, &status) != 0 else {
            throw HypervisorError(
                .exists, "\(to) is there already; remove it, or choose another name for the VM", remedy: .stop)
        }
    }

    /// Puts a copy in place, so that a power cut leaves the old file or the new one, whole. Folders that are missing
    /// are made.
    /// - Returns: what was not there before, the outermost first.
    func place() throws -> [String] {
        var made: [String] = []
        do {
            made = try makeFolders()
            var status = stat()
            if lstat(to, &status) != 0 { made.append(to) }
            try copy(to: to + ".stillpoint")
            guard rename(to + ".stillpoint", to) == 0 else { throw Errno(rawValue: errno) }
            return made
        } catch {
            Self.remove(made + [to + ".stillpoint"])
            throw HypervisorError(.callFailed, "\(from) cannot be copied to \(to)", remedy: .stop, cause: error)
        }
    }

    /// Deletes files and empty folders that `place` made.
    static func remove(_ made: [String]) {
        for path in made.reversed() where unlink(path) != 0 { _ = rmdir(path) }
    }

    private func makeFolders() throws -> [String] {
        let parents = sequence(first: to) { path in
            path.lastIndex(of: "/").flatMap { $0 == path.startIndex ? nil : String(path[..<$0]) }
        }
        let missing = parents.dropFirst().prefix { access($0, F_OK) != 0 }.reversed()
        var made: [String] = []
        do {
            for folder in missing {
                // libvirt's own mode for the folder of a domain; it sets that of the folder within by itself.
                guard mkdir(folder, 0o711) == 0 else { throw Errno(rawValue: errno) }
                made.append(folder)
                if folder == missing.last { try own(folder) }
            }
        } catch {
            Self.remove(made)
            throw error
        }
        return made
    }

    private func copy(to temporary: String) throws {
        let source = try FileDescriptor.open(FilePath(from), .readOnly, options: [.closeOnExec])
        try source.closeAfter {
            var status = stat()
            guard fstat(source.rawValue, &status) == 0 else { throw Errno(rawValue: errno) }
            _ = unlink(temporary)
            let target = try FileDescriptor.open(
                FilePath(temporary), .writeOnly, options: [.create, .exclusiveCreate, .noFollow, .closeOnExec],
                permissions: .ownerReadWrite)
            try target.closeAfter {
                try withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 16) { buffer in
                    while case let count = try source.read(into: buffer), count > 0 {
                        try target.writeAll(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                    }
                }
                try own(temporary, otherwise: status)
                guard fchmod(target.rawValue, status.st_mode & 0o7777) == 0, fsync(target.rawValue) == 0 else {
                    throw Errno(rawValue: errno)
                }
            }
        }
    }

    /// Gives a path to the original's owner, or to `other`'s; only root can.
    private func own(_ path: String, otherwise other: stat? = nil) throws {
        guard geteuid() == 0 else { return }
        var status = stat()
        let folder = original.map { String($0[..<($0.lastIndex(of: "/") ?? $0.endIndex)]) }
        let models = (other == nil ? [] : [original]) + [folder]
        guard
            let owner = models.compactMap({ $0 }).first(where: { stat($0, &status) == 0 }).map({ _ in status }) ?? other
        else { return }
        guard lchown(path, owner.st_uid, owner.st_gid) == 0 else { throw Errno(rawValue: errno) }
    }
}
