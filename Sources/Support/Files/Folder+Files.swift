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
        return try file.closeAfter { try file.content(limit: limit) }
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

}

extension Folder {
    /// Gives another name to a file, in the place of one that has it.
    public func rename(_ name: String, to other: String) throws(Errno) {
        for name in [name, other] { try Self.check(name) }
        guard renameat(descriptor, name, descriptor, other) == 0 else { throw Errno(rawValue: errno) }
    }

    /// Who owns a regular file; nil where there is none.
    public func ownership(of name: String) -> FileOwnership? {
        var status = stat()
        guard fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0, status.st_mode & S_IFMT == S_IFREG else {
            return nil
        }
        return FileOwnership(status)
    }

    /// Who owns the folder itself.
    public var ownership: FileOwnership? { status.map { FileOwnership($0) } }

    /// Gives the folder itself to an owner, where this process may; its mode stays.
    public func give(to owner: FileOwnership) throws(Errno) {
        guard geteuid() != 0 || fchown(descriptor, owner.user, owner.group) == 0 else { throw Errno(rawValue: errno) }
    }

    /// The number that tells a file from another one that was put in its place (`st_ino`).
    public func number(of name: String) -> UInt64? {
        var status = stat()
        return fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 ? UInt64(status.st_ino) : nil
    }

    /// Makes the names in it durable.
    public func sync() throws(Errno) { try FileDescriptor(rawValue: descriptor).sync() }

    /// What kind of regular file is there, how long and how old.
    public func status(of path: String) throws(Errno) -> stat {
        let file = try file(path)
        defer { try? file.close() }
        return try file.status()
    }
}
