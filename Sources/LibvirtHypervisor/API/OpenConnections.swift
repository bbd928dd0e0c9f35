internal import Support
internal import Synchronization

/// The connections of one client that are open: a process that ends before they are closed makes libvirtd log an error
/// ("End of file while reading data") for each.
///
/// The last reference to one may be that of a thread whose call has just ended.
final class OpenConnections: Sendable {
    private struct State {
        var count = 0
        var waiting: [CheckedContinuation<Void, Never>] = []
        var kept = 0
    }

    private let state = Mutex(State())

    /// How many libvirt did not close when they were released, since something of theirs was in use.
    var kept: Int { state.withLock { $0.kept } }

    func noteOpened() { state.withLock { $0.count += 1 } }

    /// - Parameter references: those that libvirt still has (virConnectClose).
    func noteClosed(_ references: Int32) {
        let waiting = state.withLock { state in
            state.count -= 1
            if references > 0 { state.kept += 1 }
            guard state.count == 0 else { return [CheckedContinuation<Void, Never>]() }
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Waits until all are closed, or no longer than `limit`: one on which a call hangs is not.
    func areClosed(within limit: Duration) async {
        guard state.withLock({ $0.count > 0 }) else { return }
        _ = await withDeadline(.now + limit) { [self] in
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if state.count > 0 { state.waiting.append(continuation) }
                    return state.count == 0
                }
                if isOver { continuation.resume() }
            }
        }
    }
}
