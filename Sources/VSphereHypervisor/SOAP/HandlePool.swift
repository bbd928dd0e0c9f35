internal import Hypervisor
internal import Synchronization

/// Places for calls that run at once, each with a handle once it was used.
final class HandlePool: Sendable {
    /// A place, which one call has at a time.
    final class Place: @unchecked Sendable {
        // Unchecked: only who has taken the place touches it.
        var handle: CurlHandle?
    }

    private struct State {
        var free: [Place] = []
        var count = 0
        var waiting: [(id: UInt64, continuation: CheckedContinuation<Place?, Never>)] = []
        var lastID: UInt64 = 0
        var isClosed = false
    }

    private let most: Int
    private let state = Mutex(State())

    init(most: Int) {
        self.most = most
    }

    /// A free place, when there is one; the one used last first, since its connection is most likely alive.
    /// - Throws: CallFailure `.timedOut` when there is none in time: nothing was sent.
    func take(within limit: Duration) async throws -> Place {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        let timer = Task { [weak self] in
            try await Task.sleep(for: limit)
            self?.giveUp(id)
        }
        defer { timer.cancel() }
        let place = await withCheckedContinuation { continuation in
            let place: Place? = state.withLock { state in
                if let place = state.free.popLast() { return place }
                if state.count < most {
                    state.count += 1
                    return Place()
                }
                state.waiting.append((id, continuation))
                return nil
            }
            if let place { continuation.resume(returning: place) }
        }
        guard let place else {
            throw CallFailure(.unreachable, "all connections were at work for \(limit.inSeconds)")
        }
        return place
    }

    /// Takes a place back, for the one who has waited longest.
    func giveBack(_ place: Place) {
        let next = state.withLock { state -> CheckedContinuation<Place?, Never>? in
            if state.isClosed { place.handle = nil }
            guard !state.waiting.isEmpty else {
                state.free.append(place)
                return nil
            }
            return state.waiting.removeFirst().continuation
        }
        next?.resume(returning: place)
    }

    /// Closes all connections that are not at work, the others when they have ended.
    func close() {
        state.withLock { state in
            state.isClosed = true
            state.free.forEach { $0.handle = nil }
        }
    }

    private func giveUp(_ id: UInt64) {
        let waiting = state.withLock { state -> CheckedContinuation<Place?, Never>? in
            guard let index = state.waiting.firstIndex(where: { $0.id == id }) else { return nil }
            return state.waiting.remove(at: index).continuation
        }
        waiting?.resume(returning: nil)
    }
}
