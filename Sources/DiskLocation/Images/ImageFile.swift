import Glibc
public import Support
public import SystemPackage

/// An image that was found to be a regular file or a block device, before anything of it was opened: to open a FIFO, a
/// tape or a watchdog does something.
///
/// It is a handle: what it is stays the same, whatever comes to its path.
public final class ImageFile: OpenFile {
    /// The path by which it was found.
    public let path: String
    /// `O_PATH`: for `/proc/self/fd` and fstat(2) alone.
    public let descriptor: Int32
    /// A device, and no file.
    public let isDevice: Bool
    /// A file's length in bytes; nil for a device.
    public let size: UInt64?
    /// What it is: a file's device and inode, a device's own number.
    public let identity: Identity

    /// What an image is, by whatever path.
    public struct Identity: Sendable, Hashable {
        /// The file system that holds a file; nil for a device.
        public let fileSystem: UInt64?
        private let number: UInt64

        init(_ status: stat) {
            let isDevice = status.st_mode & S_IFMT == S_IFBLK
            fileSystem = isDevice ? nil : UInt64(status.st_dev)
            number = isDevice ? UInt64(status.st_rdev) : UInt64(status.st_ino)
        }
    }

    /// Finds it.
    ///
    /// - Parameter followingLinks: false: the path's last part must not be a symbolic link.
    /// - Throws: ``StorageError``: `notFound`; `unreadable`, also for what is no image.
    public init(_ path: String, followingLinks: Bool = true) throws(StorageError) {
        let found = open(path, openPathOnly | O_CLOEXEC | (followingLinks ? 0 : O_NOFOLLOW))
        guard found >= 0 else { throw Self.failure(Errno(rawValue: errno), path) }
        var status = stat()
        guard fstat(found, &status) == 0 else {
            let problem = Errno(rawValue: errno)
            close(found)
            throw Self.failure(problem, path)
        }
        let type = status.st_mode & S_IFMT
        guard type == S_IFREG || type == S_IFBLK else {
            close(found)
            throw StorageError(
                .unreadable, "'\(printable(path))' is neither a file nor a block device; it was not opened")
        }
        self.path = path
        descriptor = found
        isDevice = type == S_IFBLK
        size = isDevice ? nil : UInt64(max(status.st_size, 0))
        identity = Identity(status)
    }

    deinit { close(descriptor) }

    /// Opens it, for as long as `body` takes.
    /// - Throws: the system's error number, and what `body` throws.
    public func withOpen<Value>(
        _ mode: FileDescriptor.AccessMode = .readOnly, _ body: (FileDescriptor) throws -> Value
    ) throws -> Value {
        let file = try FileDescriptor.open(
            "/proc/self/fd/\(descriptor)", mode, options: [.closeOnExec, .nonBlocking, .noFollowTTY])
        return try file.closeAfter { try body(file) }
    }

    /// The bytes from `offset` on: `count`, or as many as there are.
    /// - Throws: ``StorageError`` `unreadable`.
    public func read(at offset: UInt64, count: Int) throws(StorageError) -> [UInt8] {
        do {
            return try withOpen { try $0.bytes(at: offset, count: count) }
        } catch {
            throw Self.failure(error as? Errno ?? .ioError, path)
        }
    }

    static func failure(_ problem: Errno, _ path: String) -> StorageError {
        let code: StorageError.Code =
            problem == .noSuchFileOrDirectory || problem == .notDirectory ? .notFound : .unreadable
        return StorageError(code, "the image '\(printable(path))' cannot be read; check path and mode", cause: problem)
    }
}

extension FileDescriptor.OpenOptions {
    fileprivate static let noFollowTTY = Self(rawValue: O_NOCTTY)
}
