internal import Glibc
internal import SystemPackage

/// A folder that is held open: what is done in it is done by its descriptor.
///
/// A dataset's root may belong to a tenant, who can rename what is in it and put symbolic links in its place at any
/// instant. Between a check by path and an act by path lies such an instant; a descriptor always leads to the folder that
/// was checked. Names are single components, and no symbolic link is followed.
final class OpenFolder: Sendable {
    /// Entries of one folder that are looked at, and that one `remove` takes away.
    static let mostEntries = 100_000
    /// Levels of folders that `remove` enters.
    static let deepestLevel = 32

    private let descriptor: Int32

    private init(_ descriptor: Int32) throws(Errno) {
        guard descriptor >= 0 else { throw Errno(rawValue: errno) }
        self.descriptor = descriptor
    }

    /// A folder whose path nobody else can change: `state_dir`, a mount point.
    /// - Throws: Errno.
    convenience init(_ path: String) throws(Errno) {
        try self.init(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC))
    }

    deinit { close(descriptor) }

    /// The folder of that name.
    /// - Throws: Errno, `.notDirectory` for a symbolic link.
    func folder(_ name: String) throws(Errno) -> OpenFolder {
        try Self.check(name)
        return try OpenFolder(openat(descriptor, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC))
    }

    /// The same after one level after another: `files/tpm`.
    func folder(along path: some StringProtocol) throws(Errno) -> OpenFolder {
        var folder = self
        for part in path.split(separator: "/") { folder = try folder.folder(String(part)) }
        return folder
    }

    /// The folder of that name, made with mode 0700 where it is missing; one that is there stays as it is.
    func madeFolder(_ name: String) throws(Errno) -> OpenFolder {
        try Self.check(name)
        guard mkdirat(descriptor, name, 0o700) == 0 || errno == EEXIST else { throw Errno(rawValue: errno) }
        return try folder(name)
    }

    /// The same, which only its owner may enter.
    /// - Throws: Errno, `.fileExists` for a folder that is another user's.
    func madePrivateFolder(_ name: String) throws(Errno) -> OpenFolder {
        let folder = try madeFolder(name)
        guard let status = folder.status, status.st_uid == geteuid() else { throw .fileExists }
        if status.st_mode & 0o7777 != 0o700, fchmod(folder.descriptor, 0o700) != 0 { throw Errno(rawValue: errno) }
        return folder
    }

    /// Whether it is this process's user's, and nobody else may write to it.
    var isOwn: Bool { status.map { $0.st_uid == geteuid() && $0.st_mode & 0o022 == 0 } ?? false }

    private var status: stat? {
        var status = stat()
        return fstat(descriptor, &status) == 0 ? status : nil
    }

    /// What is in it, sorted; nothing where that cannot be read.
    var names: [String] {
        let copy = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard copy >= 0 else { return [] }
        guard let stream = fdopendir(copy) else {
            close(copy)
            return []
        }
        defer { closedir(stream) }
        var names: [String] = []
        while names.count < Self.mostEntries, let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { raw in
                String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Whether something of that name is there.
    func has(_ name: String) -> Bool { kind(of: name) != nil }

    /// `S_IFREG`, `S_IFDIR`, `S_IFLNK`, …
    private func kind(of name: String) -> mode_t? {
        var status = stat()
        return fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 ? status.st_mode & S_IFMT : nil
    }

    private static func check(_ name: String) throws(Errno) {
        guard !name.isEmpty, name != ".", name != "..", !name.utf8.contains(UInt8(ascii: "/")) else {
            throw .invalidArgument
        }
    }
}

// MARK: files

extension OpenFolder {
    /// A regular file, to be read; `path` may lead through folders below: `files/nvram`.
    /// - Throws: Errno, `.invalidArgument` where it is no regular file.
    func file(_ path: String) throws(Errno) -> FileDescriptor {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        for part in parts { try Self.check(part) }
        let folder = try folder(along: parts.dropLast().joined(separator: "/"))
        // Not blocking: a FIFO in its place must not hold anybody up.
        let file = openat(
            folder.descriptor, parts.last ?? "", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
        guard file >= 0 else { throw Errno(rawValue: errno) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(file)
            throw .invalidArgument
        }
        return FileDescriptor(rawValue: file)
    }

    /// At most `limit` bytes from the beginning of a regular file.
    func content(of path: String, limit: Int) throws -> [UInt8] {
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
    func newFile(_ name: String) throws(Errno) -> FileDescriptor {
        try Self.check(name)
        if kind(of: name) == S_IFLNK { throw .tooManySymbolicLinkLevels }
        guard unlinkat(descriptor, name, 0) == 0 || errno == ENOENT else { throw Errno(rawValue: errno) }
        let file = openat(descriptor, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Errno(rawValue: errno) }
        return FileDescriptor(rawValue: file)
    }

    /// Writes a small file; see `newFile`.
    func write(_ content: [UInt8], to name: String) throws {
        let file = try newFile(name)
        _ = try file.closeAfter { try file.writeAll(content) }
    }

    /// Copies a file into a new one; see `newFile`.
    func copy(_ source: FileDescriptor, to name: String) throws {
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

// MARK: moving

extension OpenFolder {
    /// Gives another name to a file, in the place of one that has it.
    func rename(_ name: String, to other: String) throws(Errno) {
        for name in [name, other] { try Self.check(name) }
        guard renameat(descriptor, name, descriptor, other) == 0 else { throw Errno(rawValue: errno) }
    }

    /// Makes the names in it durable.
    func sync() throws(Errno) {
        while fsync(descriptor) != 0 {
            guard errno == EINTR else { throw Errno(rawValue: errno) }
        }
    }

    /// What kind of regular file is there, how long and how old.
    func status(of path: String) throws(Errno) -> stat {
        let file = try file(path)
        defer { try? file.close() }
        var status = stat()
        guard fstat(file.rawValue, &status) == 0 else { throw Errno(rawValue: errno) }
        return status
    }
}

// MARK: removing

extension OpenFolder {
    /// Removes a file, a symbolic link itself, or a folder with all in it, as far as that is on the same file system;
    /// what cannot be removed stays.
    func remove(_ name: String) {
        var left = Self.mostEntries
        remove(name, level: 0, &left)
    }

    /// Removes a file or a symbolic link itself, where there is one.
    func unlink(_ name: String) { unlinkat(descriptor, name, 0) }

    private func remove(_ name: String, level: Int, _ left: inout Int) {
        guard left > 0, (try? Self.check(name)) != nil else { return }
        left -= 1
        if unlinkat(descriptor, name, 0) == 0 || errno == ENOENT { return }
        guard level < Self.deepestLevel, let folder = try? folder(name), folder.status?.st_dev == status?.st_dev else {
            return
        }
        for child in folder.names where left > 0 { folder.remove(child, level: level + 1, &left) }
        unlinkat(descriptor, name, AT_REMOVEDIR)
    }
}
