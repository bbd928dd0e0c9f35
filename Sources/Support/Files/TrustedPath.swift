internal import Glibc
public import SystemPackage

/// Whether what is at a path is root's, or this process's own user's, to change and nobody else's: as OpenSSH asks it of
/// `authorized_keys` (auth_secure_path in its misc.c), of each folder from the root down to it.
///
/// Of a folder above, as of `/tmp`, it is enough that it is sticky: what is in it is then its own owner's to rename.
public enum TrustedPath {
    /// Opens a regular file for reading, seen to be trusted by its own descriptor.
    /// - Throws: UntrustedPathError, Errno.
    public static func open(_ path: String) throws -> FileDescriptor {
        FileDescriptor(rawValue: try descriptor(to: path, S_IFREG))
    }

    /// At most `limit` bytes from the beginning of such a file, which is no symbolic link.
    /// - Throws: UntrustedPathError, Errno.
    public static func content(of path: String, limit: Int) throws -> [UInt8] {
        let file = FileDescriptor(rawValue: try descriptor(to: path, S_IFREG, followsLast: false))
        return try file.closeAfter { try file.content(limit: limit) }
    }

    /// Checks a regular file.
    /// - Throws: UntrustedPathError, Errno.
    public static func requireFile(_ path: String) throws { close(try descriptor(to: path, S_IFREG)) }

    /// Checks a folder.
    /// - Throws: UntrustedPathError, Errno.
    public static func requireFolder(_ path: String) throws { close(try descriptor(to: path, S_IFDIR)) }

    static func descriptor(to path: String, _ kind: mode_t, followsLast: Bool = true) throws -> Int32 {
        var problem: UntrustedPathError?
        do throws(Errno) {
            return try PathDescent.descriptor(to: absolute(path), kind: kind, followsLast: followsLast) {
                step throws(Errno) in
                problem = UntrustedPathError(step)
                if problem != nil { throw .permissionDenied }
            }
        } catch {
            if let problem { throw problem }
            throw error
        }
    }

    private static func absolute(_ path: String) throws(Errno) -> String {
        if path.utf8.first == UInt8(ascii: "/") { return path }
        guard let folder = getcwd(nil, 0) else { throw Errno(rawValue: errno) }
        defer { free(folder) }
        return "\(String(cString: folder))/\(path)"
    }
}

/// A file or folder that others could change, and what makes it root's again.
public struct UntrustedPathError: Error, Sendable, CustomStringConvertible {
    /// Itself, or a folder above what was asked about.
    public let path: String
    /// Says what is wrong.
    public let problem: String
    /// The command that fixes it.
    public let command: String
    /// Both.
    public var description: String { "\(problem); run: \(command)" }

    /// The user that an NFS server takes root for (exports(5)), and the kernel shows for users it cannot map.
    private static let nobody: uid_t = 65534

    init?(_ step: PathDescent.Step) {
        path = step.path
        let (status, place) = (step.status, printable(step.path, limit: 300))
        if !PathDescent.isOwn(status) {
            let reason =
                status.st_uid == Self.nobody
                ? " (an NFS server with root_squash shows root's own so: export it to this host with no_root_squash)"
                : ""
            problem = "\(place) belongs to the user \(status.st_uid) and not to root\(reason)"
            command = "chown root \(shellQuoted(step.path))"
        } else if status.st_mode & 0o022 != 0, step.isLast || !PathDescent.isSticky(status) {
            let mode = String(status.st_mode & 0o7777, radix: 8)
            problem = "others may write to \(place) (mode \(mode))"
            command = "chmod go-w \(shellQuoted(step.path))"
        } else {
            return nil
        }
    }
}
