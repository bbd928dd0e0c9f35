internal import CLinux
package import Glibc
public import SystemPackage

/// A folder that is held open: what is done in it and below is done by its descriptor.
///
/// Who may write to a folder can rename what is in it and put symbolic links in its
/// place at any instant. Between a check by path and an act by path lies such an instant; a descriptor always leads to the
/// folder that was checked. From there the kernel itself refuses to leave it, to follow any symbolic link, and to enter
/// what is mounted below (openat2(2): RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, RESOLVE_NO_XDEV).
public final class Folder: Sendable {
    /// Entries of one folder that are listed, and that one `remove` takes away.
    public static let mostEntries = 100_000
    /// Levels of folders that `remove` enters.
    public static let deepestLevel = 32

    let descriptor: Int32
    /// Whether what is mounted below belongs to it.
    private let crossesMounts: Bool

    private init(descriptor: Int32, crossesMounts: Bool) throws(Errno) {
        guard descriptor >= 0 else { throw Errno(rawValue: errno) }
        self.descriptor = descriptor
        self.crossesMounts = crossesMounts
    }

    /// A folder whose path nobody else can change: below `/var/lib`, a mount point.
    /// - Parameter crossingMounts: whether what is mounted in it, or below, may be entered.
    /// - Throws: Errno.
    public convenience init(_ path: String, crossingMounts: Bool = false) throws(Errno) {
        try self.init(
            descriptor: open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), crossesMounts: crossingMounts)
    }

    /// A folder at a path of which parts may be others' to change: a symbolic link on the way is followed only where nobody
    /// but root, or this process's own user, can have put it.
    /// - Throws: Errno, `.tooManySymbolicLinkLevels` for any other link.
    public convenience init(reaching path: String) throws(Errno) {
        try self.init(descriptor: PathDescent.descriptor(to: path, kind: S_IFDIR), crossesMounts: false)
    }

    deinit { close(descriptor) }

    /// The folder of that name.
    /// - Throws: Errno: `.notDirectory` or `.tooManySymbolicLinkLevels` for a symbolic link, `.improperLink` for what is
    ///   mounted there.
    public func folder(_ name: String) throws(Errno) -> Folder {
        try Self.check(name)
        return try opened(name)
    }

    /// The same after one level after another.
    public func folder(along path: RelativePath?) throws(Errno) -> Folder { try opened(path?.text ?? ".") }

    private func opened(_ path: String) throws(Errno) -> Folder {
        try Folder(
            descriptor: descriptor(of: path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
            crossesMounts: crossesMounts)
    }

    /// Opens what lies below, by plain names alone.
    func descriptor(of path: String, _ flags: Int32, mode: mode_t = 0) throws(Errno) -> Int32 {
        while true {
            let opened = stillpoint_openat_beneath(descriptor, path, flags, mode, crossesMounts ? 1 : 0)
            if opened >= 0 { return opened }
            switch errno {
            case EINTR: continue
            // Before Linux 5.6, and in a container whose filter does not know the call.
            case ENOSYS, EPERM: return try walkedDescriptor(of: path, flags, mode: mode)
            default: throw Errno(rawValue: errno)
            }
        }
    }

    /// The same level by level, for a kernel that has no openat2: each name is opened without following a link, and is
    /// known by its device to be of the same file system.
    func walkedDescriptor(of path: String, _ flags: Int32, mode: mode_t = 0) throws(Errno) -> Int32 {
        var above = dup(descriptor)
        guard above >= 0 else { throw Errno(rawValue: errno) }
        let names = path.split(separator: "/").map(String.init)
        for (index, name) in names.enumerated() {
            let isLast = index == names.count - 1
            let next = openat(
                above, name, isLast ? flags | O_NOFOLLOW : O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, mode)
            let problem = errno
            close(above)
            guard next >= 0 else { throw Errno(rawValue: problem) }
            guard crossesMounts || Self.device(of: next) == Self.device(of: descriptor) else {
                close(next)
                throw .improperLink
            }
            above = next
        }
        return above
    }

    private static func device(of descriptor: Int32) -> dev_t? {
        var status = stat()
        return fstat(descriptor, &status) == 0 ? status.st_dev : nil
    }

    /// The folder of that name, made where it is missing; one that is there stays as it is.
    public func madeFolder(_ name: String, mode: UInt32 = 0o700) throws(Errno) -> Folder {
        try Self.check(name)
        guard mkdirat(descriptor, name, mode) == 0 || errno == EEXIST else { throw Errno(rawValue: errno) }
        return try folder(name)
    }

    /// The same, which only its owner may enter.
    /// - Throws: Errno, `.fileExists` for a folder that is another user's.
    public func madePrivateFolder(_ name: String) throws(Errno) -> Folder {
        let folder = try madeFolder(name)
        guard let status = folder.status, status.st_uid == geteuid() else { throw .fileExists }
        if status.st_mode & 0o7777 != 0o700, fchmod(folder.descriptor, 0o700) != 0 { throw Errno(rawValue: errno) }
        return folder
    }

    /// Whether it is this process's user's, and nobody else may write to it.
    public var isOwn: Bool { status.map { $0.st_uid == geteuid() && $0.st_mode & 0o022 == 0 } ?? false }

    /// What fstat(2) says.
    package var status: stat? {
        var status = stat()
        return fstat(descriptor, &status) == 0 ? status : nil
    }

    /// What is in it, sorted; nothing where that cannot be read.
    public var names: [String] {
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
    public func has(_ name: String) -> Bool { kind(of: name) != nil }

    /// `S_IFREG`, `S_IFDIR`, `S_IFLNK`, …; nil where nothing is there.
    public func kind(of name: String) -> UInt32? {
        var status = stat()
        return fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 ? status.st_mode & S_IFMT : nil
    }

    static func check(_ name: String) throws(Errno) {
        guard !name.isEmpty, name != ".", name != "..", !name.utf8.contains(UInt8(ascii: "/")) else {
            throw .invalidArgument
        }
    }
}
