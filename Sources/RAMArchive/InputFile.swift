internal import Glibc
internal import Support
internal import SystemPackage

/// A file that is read once from its beginning to its end.
struct InputFile: ~Copyable {
    let path: String
    private let file: FileDescriptor
    private let status: stat

    /// Opens a plain file; neither a symbolic link, nor a pipe that would be waited for.
    init(_ path: String) throws {
        (file, status) = try Self.open(path)
        self.path = path
        // Twice the read-ahead (posix_fadvise(2)); a hint, so that its result does not matter.
        _ = posix_fadvise(file.rawValue, 0, 0, POSIX_FADV_SEQUENTIAL)
    }

    deinit { try? file.close() }

    /// Its length when it was opened, in bytes.
    var size: UInt64 { UInt64(status.st_size) }

    /// Whether both are the same file under two names.
    func isSame(as other: stat) -> Bool { status.st_dev == other.st_dev && status.st_ino == other.st_ino }

    /// Reads on until the buffer is full or the file ends; gives the number of bytes read.
    func fill(_ buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        var count = 0
        do {
            while count < buffer.count {
                let more = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[count...]))
                guard more > 0 else { break }
                count += more
            }
        } catch let problem as Errno {
            throw ArchiveError(reading: path, problem)
        }
        return count
    }

    /// Makes sure that nobody wrote to the file since it was opened.
    func checkUnchanged() throws {
        let now = try Self.status(of: file, path)
        guard now.st_size == status.st_size, now.st_mtim.tv_sec == status.st_mtim.tv_sec,
            now.st_mtim.tv_nsec == status.st_mtim.tv_nsec
        else { throw changed }
    }

    /// The error for a file that somebody wrote to.
    var changed: ArchiveError {
        ArchiveError(.unreadable, "\(shown(path)) changed while it was read; try again when nothing writes to it")
    }

    private static func open(_ path: String) throws -> (FileDescriptor, stat) {
        let file: FileDescriptor
        do {
            file = try FileDescriptor.open(FilePath(path), .readOnly, options: [.noFollow, .nonBlocking, .closeOnExec])
        } catch let problem as Errno {
            throw ArchiveError(reading: path, problem)
        }
        do {
            let status = try status(of: file, path)
            guard status.st_mode & S_IFMT == S_IFREG else {
                throw ArchiveError(.unreadable, "\(shown(path)) is no plain file; give a file's path")
            }
            return (file, status)
        } catch {
            try? file.close()
            throw error
        }
    }

    private static func status(of file: FileDescriptor, _ path: String) throws -> stat {
        do {
            return try file.status()
        } catch {
            throw ArchiveError(reading: path, error)
        }
    }
}
