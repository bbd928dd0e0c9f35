internal import Dispatch
internal import Synchronization

/// Does what has fallen due, on one thread for the whole process.
///
/// Most deadlines are taken back within milliseconds. With Task.sleep each would cost two wake-ups of Dispatch's threads
/// and the first one a thread of timers; here it costs an entry in a table.
public final class TimerQueue: Sendable {
    /// Those of this process.
    public static let shared = TimerQueue()

    private struct State {
        var entries: [UInt64: (due: ContinuousClock.Instant, action: @Sendable () -> Void)] = [:]
        var lastEntry: UInt64 = 0
        var isWatched = false
    }

    private let state = Mutex(State())
    private let changed = DispatchSemaphore(value: 0)

    /// Has `action` called at `instant` unless `remove` comes first; it must not block.
    /// - Returns: what `remove` takes.
    public func add(at instant: ContinuousClock.Instant, _ action: @escaping @Sendable () -> Void) -> UInt64 {
        let (entry, isWatched, isEarliest) = state.withLock { state in
            let isEarliest = !state.entries.values.contains { $0.due <= instant }
            let isWatched = state.isWatched
            state.lastEntry += 1
            state.entries[state.lastEntry] = (instant, action)
            state.isWatched = true
            return (state.lastEntry, isWatched, isEarliest)
        }
        if !isWatched {
            startWatch()
        } else if isEarliest {
            changed.signal()
        }
        return entry
    }

    /// Takes an entry back; nothing happens where it has fallen due already.
    public func remove(_ entry: UInt64) {
        state.withLock { _ = $0.entries.removeValue(forKey: entry) }
    }

    /// Does what is due, and returns when something may be due again.
    private func wait() {
        let (due, next) = state.withLock { state in
            let now = ContinuousClock.now
            let due = state.entries.filter { $0.value.due <= now }
            for entry in due.keys { state.entries[entry] = nil }
            return (due.values.sorted { $0.due < $1.due }, state.entries.values.map(\.due).min())
        }
        for entry in due { entry.action() }
        guard let next else { return changed.wait() }
        let left = ContinuousClock.now.duration(to: next)
        _ = changed.wait(timeout: .now() + .nanoseconds(Int(max(left, .zero) / .nanoseconds(1))))
    }

    private func startWatch() {
        let isStarted = hasStartedThread {
            while true { self.wait() }
        }
        // The entries wait for the next one's thread then.
        if !isStarted { state.withLock { $0.isWatched = false } }
    }
}
