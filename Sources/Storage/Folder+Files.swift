public import Glibc
public import SystemPackage

extension Folder {
    /// A regular file, to be read; `path` may lead through folders below: `files/nvram`.
    /// - Throws: Errno, `.invalidArgument` where it is no regular file.
    public func file(_ path: String) throws(Errno) -> FileDescriptor {
        guard let path = RelativePath(path) else { throw .invalidArgument }
        // Not blocking: a FIFO in its place must not hold anybody up.
        let file = try descriptor(of: path.text, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(file)
            throw .invalidArgument
        }
        return FileDescriptor(rawValue: file)
    }

    /// At most `limit` bytes from the beginning of a regular file.
    public func content(of path: String, limit: Int) throws -> [UInt8] {
        let file = try file(path)
        return try file.closeAfter {
            var bytes: [UInt8] = []
            var piece = [UInt8](repeating: 0, count: max(1, min(limit, 256 << 10)))
            while bytes.count < limit {
                let most = min(piece.count, limit - bytes.count)
                let count = try piece.withUnsafeMutableBytes { try file.read(into: .init(rebasing: $0[..<most])) }
                if count == 0 { break }
                bytes += piece[..<count]
            }
            return bytes
        }
    }

    /// A new file of that name that only its owner may read, in the place of one that was there; not made durable.
    ///
    /// A new one, since the old one may have a second name elsewhere.
    /// - Throws: Errno, `.tooManySymbolicLinkLevels` for a symbolic link, which stays.
    public func newFile(_ name: String) throws(Errno) -> FileDescriptor {
        try Self.check(name)
        if kind(of: name) == S_IFLNK { throw .tooManySymbolicLinkLevels }
        guard unlinkat(descriptor, name, 0) == 0 || errno == ENOENT else { throw Errno(rawValue: errno) }
        let file = openat(descriptor, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Errno(rawValue: errno) }
        return FileDescriptor(rawValue: file)
    }

    /// Writes a small file; see `newFile`.
    public func write(_ content: [UInt8], to name: String) throws {
        let file = try newFile(name)
        _ = try file.closeAfter { try file.writeAll(content) }
    }

    /// Copies a file into a new one; see `newFile`.
    public func copy(_ source: FileDescriptor, to name: String) throws {
        let output = try newFile(name)
        try output.closeAfter {
            var piece = [UInt8](repeating: 0, count: 256 << 10)
            while true {
                let count = try piece.withUnsafeMutableBytes { try source.read(into: $0) }
                if count == 0 { break }
                try output.writeAll(piece[..<count])
            }
        }
    }
}

extension Folder {
    /// Gives another name to a file, in the place of one that has it.
    public func rename(_ name: String, to other: String) throws(Errno) {
        for name in [name, other] { try Self.check(name) }
        guard renameat(descriptor, name, descriptor, other) == 0 else { throw Errno(rawValue: errno) }
    }

    /// Makes the names in it durable.
    public func sync() throws(Errno) {
        while fsync(descriptor) != 0 {
            guard errno == EINTR else { throw Errno(rawValue: errno) }
        }
    }

    /// What kind of regular file is there, how long and how old.
    public func status(of path: String) throws(Errno) -> stat {
        let file = try file(path)
        defer { try? file.close() }
        var status = stat()
        guard fstat(file.rawValue, &status) == 0 else { throw Errno(rawValue: errno) }
        return status
    }
}
