internal import Glibc
internal import Support
internal import SystemPackage

/// A new file that vanishes again unless it is kept.
struct OutputFile: ~Copyable {
    /// How many bytes are written before the kernel is asked to bring them to the disk.
    private static let writebackStep: UInt64 = 8 << 20

    private(set) var written: UInt64 = 0
    private let path: String
    private let file: FileDescriptor
    private let isDurable: Bool
    private var isKept = false
    private var writebackStart: UInt64 = 0

    /// Creates a file that only its owner can read.
    /// - Parameter isDurable: it will be synced, so that bringing it to the disk begins while it is written.
    init(creating path: String, isDurable: Bool) throws {
        do {
            let file = try FileDescriptor.open(
                FilePath(path), .writeOnly, options: [.create, .exclusiveCreate, .noFollow, .closeOnExec],
                permissions: .ownerReadWrite)
            self.init(file, at: path, isDurable: isDurable)
        } catch let problem as Errno {
            throw ArchiveError(writing: path, problem)
        }
    }

    /// Takes over an open file.
    init(_ file: FileDescriptor, at path: String, isDurable: Bool) {
        self.file = file
        self.path = path
        self.isDurable = isDurable
    }

    deinit {
        try? file.close()
        if !isKept { unlink(path) }
    }

    mutating func write(_ bytes: UnsafeRawBufferPointer) throws {
        do {
            try file.writeAll(bytes)
        } catch let problem as Errno {
            throw ArchiveError(writing: path, problem)
        }
        written += UInt64(bytes.count)
        if isDurable { beginWriteback() }
    }

    /// Brings all of it to the disk.
    func sync() throws {
        do {
            try file.sync()
        } catch {
            throw ArchiveError(writing: path, error)
        }
    }

    /// Lets it stay.
    mutating func keep() { isKept = true }

    /// Gives it its final name, durably; what had that name is gone.
    mutating func rename(to final: String) throws {
        guard Glibc.rename(path, final) == 0 else { throw ArchiveError(writing: final, Errno(rawValue: errno)) }
        isKept = true
        let folder = FilePath(final).removingLastComponent()
        do {
            let directory = try FileDescriptor.open(
                folder.isEmpty ? "." : folder, .readOnly, options: [.directory, .closeOnExec])
            try directory.closeAfter { try directory.sync() }
        } catch let problem as Errno {
            throw ArchiveError(writing: folder.string, problem)
        }
    }

    /// Starts bringing what is new to the disk, and waits for nothing: the sync at the end then has little left to
    /// do, and the host's memory does not fill with it.
    ///
    /// POSIX_FADV_DONTNEED begins the writeback of dirty pages (Linux, mm/fadvise.c), as sync_file_range(2) would, which
    /// Glibc's module lacks. Failures to write show in the sync.
    private mutating func beginWriteback() {
        guard written - writebackStart >= Self.writebackStep else { return }
        _ = posix_fadvise(
            file.rawValue, off_t(writebackStart), off_t(written - writebackStart), POSIX_FADV_DONTNEED)
        writebackStart = written
    }
}
