internal import Synchronization

/// Stands between a guest's freeze and the move of its disks: a window that was given up cannot move them any more.
final class FreezeWindowFence: Sendable {
    private enum State { case open, passed(at: ContinuousClock.Instant), closed }

    private let state = Mutex(State.open)

    /// When the guest was frozen and its disks began to move; nil: it has not come to that.
    var passedAt: ContinuousClock.Instant? {
        state.withLock { if case .passed(let instant) = $0 { instant } else { nil } }
    }

    /// Whether the disks may be moved; asked right before it is done.
    func pass() -> Bool {
        state.withLock { state in
            guard case .open = state else { return false }
            state = .passed(at: .now)
            return true
        }
    }

    /// Gives the window up.
    /// - Returns: whether the disks are not moved and will not be; else they may be, or may come to be.
    func close() -> Bool {
        state.withLock { state in
            guard case .open = state else { return false }
            state = .closed
            return true
        }
    }
}
