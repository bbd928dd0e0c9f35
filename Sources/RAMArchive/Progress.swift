internal import Glibc

/// Hears how far a dump is: bytes of the plain dump so far, and its whole length.
///
/// Called on the caller's thread: at the beginning with 0, at the end with the whole length, and in between at most
/// ten times a second. What it does is time that the work waits.
public typealias Progress = @Sendable (_ done: UInt64, _ total: UInt64) -> Void

/// Calls a `Progress` no more often than it was promised.
struct ProgressMeter {
    private static let pause: UInt64 = 100_000_000
    private let progress: Progress?
    private let total: UInt64
    private var due: UInt64 = 0

    init(_ progress: Progress?, total: UInt64) {
        self.progress = progress
        self.total = total
        progress?(0, total)
        due = Self.now + Self.pause
    }

    mutating func advance(to done: UInt64) {
        // The end is told once, by `finish`.
        guard let progress, done < total, Self.now >= due else { return }
        progress(done, total)
        due = Self.now + Self.pause
    }

    func finish() { progress?(total, total) }

    /// Nanoseconds of a clock that no administrator sets.
    private static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
