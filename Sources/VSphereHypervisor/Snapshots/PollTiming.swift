internal import Hypervisor

/// When a `TaskPoller` reads: all of its limits, and nothing that waits.
enum PollTiming {
    /// Calls that start tasks come in bursts. This long after the last one the burst has ended, and one call reads all.
    static let batchWindow = Duration.milliseconds(10)
    /// A server that takes long to start one task must not keep the others unread for longer than this.
    static let maxBatchDelay = Duration.milliseconds(150)
    /// Tasks read in one call: servers compare each with each.
    static let maxBatch = 64

    /// Between two reads of a task: an eighth of its age, within these bounds. So a task costs reads by the logarithm of
    /// its length, and its end is seen a sixteenth of its length late on average.
    static let minPause = Duration.milliseconds(25)
    static let maxPause = Duration.seconds(1)

    /// The time that a server has for one read: what the nearest deadline leaves, within these bounds. A deadline that
    /// has passed must not make a server that answers look like one that does not; and one that is far away must not hide
    /// a connection that died.
    static let minReadTimeout = Duration.milliseconds(500)
    static let maxReadTimeout = Duration.seconds(30)

    /// Reads of a VM that does not show yet what its task has done.
    static let maxConfirmations = 5
    /// Failed reads of a VM on which no task is waited for: the session has repeated each already.
    static let maxIdleFailures = 3

    /// How long a task of that age is left before it is read again.
    static func pause(age: Duration) -> Duration { min(max(age / 8, minPause), maxPause) }

    /// Until when a read may last.
    static func readDeadline(nearest: ContinuousClock.Instant, now: ContinuousClock.Instant) -> ContinuousClock.Instant
    {
        max(min(nearest, now + maxReadTimeout), now + minReadTimeout)
    }

    /// When what is due is read, so that tasks which are being started come along.
    /// - Parameters:
    ///   - oldestUnread: since when a task waits for its first read.
    ///   - lastStart: when the last call that starts a task has returned; nil: one is under way.
    static func readTime(
        due: ContinuousClock.Instant, oldestUnread: ContinuousClock.Instant, lastStart: ContinuousClock.Instant?
    ) -> ContinuousClock.Instant {
        let limit = oldestUnread + maxBatchDelay
        return max(due, min(limit, lastStart.map { $0 + batchWindow } ?? limit))
    }
}
