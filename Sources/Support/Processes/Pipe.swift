internal import Glibc
internal import SystemPackage

/// A pipe whose reading never blocks.
///
/// Both ends stay open as long as anybody has it: a write never meets a pipe that nobody reads.
final class Pipe: Sendable {
    /// A process that never stops writing must not keep its reader from the time.
    private static let mostAtOnce = 1 << 20

    let readEnd: Int32
    let writeEnd: Int32

    init() throws(Errno) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw Errno(rawValue: errno) }
        // Not 0, 1 or 2, which this process may have been started without: those of a child are made from these one by one. A
        // process that is started meanwhile may have the first pair too; nobody here waits for a pipe's end.
        readEnd = fcntl(ends[0], F_DUPFD_CLOEXEC, 3)
        writeEnd = fcntl(ends[1], F_DUPFD_CLOEXEC, 3)
        let number = errno
        close(ends[0])
        close(ends[1])
        guard readEnd >= 0, writeEnd >= 0 else { throw Errno(rawValue: number) }
        // The writer's end is a file of its own, and stays as programs expect it.
        _ = fcntl(readEnd, F_SETFL, O_NONBLOCK)
    }

    deinit {
        close(readEnd)
        close(writeEnd)
    }

    /// What is in it now.
    func read() -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while bytes.count < Self.mostAtOnce {
            let count = Glibc.read(readEnd, &chunk, chunk.count)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { break }
            bytes += chunk[..<count]
        }
        return bytes
    }

    /// Wakes who waits for it.
    func signal() {
        var byte: UInt8 = 0
        while write(writeEnd, &byte, 1) < 0 && errno == EINTR {}
    }

    /// Waits until one of the pipes has something.
    static func wait(_ pipes: [Pipe], until end: ContinuousClock.Instant) {
        var entries = pipes.map { pollfd(fd: $0.readEnd, events: Int16(POLLIN), revents: 0) }
        // A millisecond more than is left: never less.
        let left = max(ContinuousClock.now.duration(to: end), .zero) / .milliseconds(1) + 1
        poll(&entries, nfds_t(entries.count), Int32(min(left, 86_400_000)))
    }
}
