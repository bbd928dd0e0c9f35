internal import Glibc
internal import Synchronization
internal import SystemPackage

/// A lock that the kernel drops when the process ends, however it ends (flock(2)).
///
/// Unlike a PID file it cannot outlive a crash.
final class FileLock: Sendable {
    private let file: FileDescriptor
    private let isShared = Atomic(false)
    /// For a child that is to share the lock: it is held as long as one of the two lives.
    var descriptor: Int32 {
        isShared.store(true, ordering: .relaxed)
        return file.rawValue
    }

    /// Takes the lock, or gives nil when another process has it.
    /// - Parameter waiting: waits for it instead.
    init?(path: String, waiting: Bool = false) throws {
        file = try FileDescriptor.open(
            FilePath(path), .readWrite, options: [.create, .noFollow, .closeOnExec], permissions: .ownerReadWrite)
        while flock(file.rawValue, waiting ? LOCK_EX : LOCK_EX | LOCK_NB) != 0 {
            let problem = Errno(rawValue: errno)
            if problem == .interrupted { continue }
            try file.close()
            if problem == .wouldBlock { return nil }
            throw problem
        }
    }

    deinit {
        // To close it is not enough: a child that is just being started has it open until it becomes another program.
        if !isShared.load(ordering: .relaxed) { flock(file.rawValue, LOCK_UN) }
        try? file.close()
    }
}
