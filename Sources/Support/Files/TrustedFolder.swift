internal import Glibc
internal import SystemPackage

/// A folder that was reached as `TrustedPath` reaches it, and is held open: each of thousands of files in it is judged
/// without walking down to the folder again.
public final class TrustedFolder: Sendable {
    private let path: String
    private let descriptor: Int32

    /// - Throws: UntrustedPathError, Errno.
    public init(_ path: String) throws {
        self.path = path
        descriptor = try TrustedPath.descriptor(to: path, S_IFDIR)
    }

    deinit { close(descriptor) }

    /// At most `limit` bytes from the beginning of a regular file in it, as `TrustedPath.content(of:limit:)` gives them.
    /// - Throws: UntrustedPathError, Errno.
    public func content(of name: String, limit: Int) throws -> [UInt8] {
        try Folder.check(name)
        let number = openat(descriptor, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
        guard number >= 0 else { throw Errno(rawValue: errno) }
        let file = FileDescriptor(rawValue: number)
        return try file.closeAfter {
            let status = try file.status()
            guard status.st_mode & S_IFMT == S_IFREG else { throw Errno.invalidArgument }
            let step = PathDescent.Step(path: "\(path)/\(name)", status: status, isLast: true)
            if let problem = UntrustedPathError(step) { throw problem }
            // It may grow, and is read again from its beginning then.
            let bytes = try file.bytes(at: 0, count: min(limit, Int(status.st_size) + 1))
            return bytes.count > Int(status.st_size) ? try file.content(limit: limit) : bytes
        }
    }
}
