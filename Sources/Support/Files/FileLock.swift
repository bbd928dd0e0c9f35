internal import Glibc
internal import Synchronization
internal import SystemPackage

/// A lock that the kernel drops when the process ends, however it ends (flock(2)).
///
/// Unlike a PID file it cannot outlive a crash.
package final class FileLock: Sendable {
    private let file: FileDescriptor
    private let isShared = Atomic(false)
    /// For a child that is to share the lock: it is held as long as one of the two lives.
    package var descriptor: Int32 {
        isShared.store(true, ordering: .relaxed)
        return file.rawValue
    }

    /// Takes the lock, or gives nil when another process has it.
    package convenience init?(path: String) throws {
        do {
            try self.init(path, LOCK_EX | LOCK_NB)
        } catch Errno.wouldBlock {
            return nil
        }
    }

    /// Takes the lock, and waits until no other process has it.
    package convenience init(waitingAt path: String) throws { try self.init(path, LOCK_EX) }

    private init(_ path: String, _ operation: Int32) throws {
        file = try FileDescriptor.open(
            FilePath(path), .readWrite, options: [.create, .noFollow, .closeOnExec], permissions: .ownerReadWrite)
        while flock(file.rawValue, operation) != 0 {
            // Nothing to close: from here on `deinit` does, also where there is no lock.
            guard errno == EINTR else { throw Errno(rawValue: errno) }
        }
    }

    /// Holds the lock until `body` has ended, whether anybody else knows it or not.
    package func withLock<Value>(_ body: () throws -> Value) rethrows -> Value {
        defer { withExtendedLifetime(self) {} }
        return try body()
    }

    /// The same for a `body` that waits for something.
    package func withLockAwaiting<Value>(
        isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Value
    ) async rethrows -> Value {
        defer { withExtendedLifetime(self) {} }
        return try await body()
    }

    /// Whether an open file that this process inherited is the one at `path`, and holds its lock.
    package static func isHeld(by descriptor: Int32, path: String) -> Bool {
        var (mine, there) = (stat(), stat())
        guard fstat(descriptor, &mine) == 0, lstat(path, &there) == 0, there.st_mode & S_IFMT == S_IFREG,
            mine.st_dev == there.st_dev, mine.st_ino == there.st_ino,
            let another = try? FileDescriptor.open(
                FilePath(path), .readOnly, options: [.noFollow, .closeOnExec, .nonBlocking])
        else { return false }
        defer { try? another.close() }
        // Somebody holds it, as another open file does not get it; it is this one, which gets what it has (flock(2)).
        return flock(another.rawValue, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK
            && flock(descriptor, LOCK_EX | LOCK_NB) == 0
    }

    deinit {
        // To close it is not enough: a child that is just being started has it open until it becomes another program.
        if !isShared.load(ordering: .relaxed) { flock(file.rawValue, LOCK_UN) }
        try? file.close()
    }
}
