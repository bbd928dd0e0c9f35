internal import Glibc
internal import SystemPackage

/// The way from the root to a file or a folder, by descriptors: one name after another, each opened in the folder that was
/// opened before.
///
/// A symbolic link is followed only where root or this process's own user put it, and only they can put another one in its
/// place: `/var/lib -> /srv/lib` leads on, a link in a folder of another user does not.
struct PathDescent: ~Copyable {
    /// As many as the kernel itself follows (path_resolution(7)).
    private static let mostLinks = 40

    /// What is on the way, and last of all what it leads to.
    struct Step {
        let path: String
        let status: stat
        let isLast: Bool
    }

    private var folder: Int32
    private var path = ""
    private var links = 0
    private let followsLast: Bool
    private let visit: (Step) throws(Errno) -> Void

    /// Opens what a path leads to.
    /// - Parameters:
    ///   - kind: `S_IFREG` or `S_IFDIR`; nothing else is opened, since to open a device can be to use it.
    ///   - followsLast: whether what is at the path itself may be such a link.
    ///   - visit: sees each folder, and then what was opened, before the next step is taken.
    /// - Throws: Errno, `.tooManySymbolicLinkLevels` for a link that is not followed, `.invalidArgument` for what is of
    ///   another kind.
    static func descriptor(
        to path: String, kind: mode_t, followsLast: Bool = true,
        visit: @escaping (Step) throws(Errno) -> Void = { (_) throws(Errno) in }
    ) throws(Errno) -> Int32 {
        guard path.utf8.first == UInt8(ascii: "/"), !path.utf8.contains(0) else { throw .invalidArgument }
        var descent = try PathDescent(followsLast, visit)
        return try descent.run(path, kind)
    }

    private init(_ followsLast: Bool, _ visit: @escaping (Step) throws(Errno) -> Void) throws(Errno) {
        folder = try Self.root()
        self.followsLast = followsLast
        self.visit = visit
    }

    deinit { close(folder) }

    private static func root() throws(Errno) -> Int32 {
        let root = open("/", openPathOnly | O_DIRECTORY | O_CLOEXEC)
        guard root >= 0 else { throw Errno(rawValue: errno) }
        return root
    }

    private mutating func run(_ whole: String, _ kind: mode_t) throws(Errno) -> Int32 {
        var names = Array(whole.split(separator: "/").reversed())
        while true {
            names = Array(names.drop { $0 == "." })
            let above = try status(of: folder)
            try visit(Step(path: path.isEmpty ? "/" : path, status: above, isLast: names.isEmpty && kind == S_IFDIR))
            guard let name = names.popLast().map(String.init) else { return try here(kind) }
            if name == "." { continue }
            var found = stat()
            guard fstatat(folder, name, &found, AT_SYMLINK_NOFOLLOW) == 0 else { throw Errno(rawValue: errno) }
            if found.st_mode & S_IFMT == S_IFLNK {
                guard followsLast || !names.isEmpty else { throw .tooManySymbolicLinkLevels }
                let text = try followed(name, found, in: above)
                names += text.split(separator: "/").reversed()
                if text.utf8.first == UInt8(ascii: "/") { try enter(Self.root(), named: nil) }
            } else if names.isEmpty, kind != S_IFDIR {
                return try opened(name, found, kind)
            } else {
                let next = openat(folder, name, openPathOnly | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                guard next >= 0 else { throw Errno(rawValue: errno) }
                enter(next, named: name)
            }
        }
    }

    private mutating func enter(_ next: Int32, named name: String?) {
        close(folder)
        folder = next
        switch name {
        case nil: path = ""
        case ".."?: path = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
        case let name?: path += "/" + name
        }
    }

    /// A link's text, where it may be followed.
    private mutating func followed(_ name: String, _ link: stat, in above: stat) throws(Errno) -> String {
        links += 1
        let isTheirs = Self.isOwn(above) && (above.st_mode & 0o022 == 0 || Self.isOwn(link) && Self.isSticky(above))
        guard links <= Self.mostLinks, isTheirs else { throw .tooManySymbolicLinkLevels }
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlinkat(folder, name, &buffer, buffer.count)
        guard count > 0 else { throw Errno(rawValue: errno) }
        return String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    private func opened(_ name: String, _ found: stat, _ kind: mode_t) throws(Errno) -> Int32 {
        guard found.st_mode & S_IFMT == kind else { throw .invalidArgument }
        let file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
        guard file >= 0 else { throw Errno(rawValue: errno) }
        do throws(Errno) {
            let status = try status(of: file)
            guard status.st_mode & S_IFMT == kind else { throw .invalidArgument }
            try visit(Step(path: path + "/" + name, status: status, isLast: true))
            return file
        } catch {
            close(file)
            throw error
        }
    }

    /// The folder that was entered last, to be read.
    private func here(_ kind: mode_t) throws(Errno) -> Int32 {
        guard kind == S_IFDIR else { throw .invalidArgument }
        let copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard copy >= 0 else { throw Errno(rawValue: errno) }
        return copy
    }

    private func status(of descriptor: Int32) throws(Errno) -> stat {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Errno(rawValue: errno) }
        return status
    }

    /// Whether it is root's or this process's own user's.
    static func isOwn(_ status: stat) -> Bool { status.st_uid == 0 || status.st_uid == geteuid() }

    /// Whether only the owner of what is in a folder may rename and remove it.
    static func isSticky(_ status: stat) -> Bool { status.st_mode & mode_t(S_ISVTX) != 0 }
}
