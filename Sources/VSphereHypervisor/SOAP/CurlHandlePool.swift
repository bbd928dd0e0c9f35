internal import Curl
internal import Support
internal import Synchronization

/// Slots for calls that run at once, each with a handle once it was used.
final class CurlHandlePool: Sendable {
    /// A slot, which one call has at a time.
    final class Slot: @unchecked Sendable {
        // Unchecked: only who has taken the slot touches it.
        var handle: CurlHandle?
    }

    private struct State {
        var free: [Slot] = []
        var count = 0
        var waiting: [(id: UInt64, continuation: CheckedContinuation<Slot?, Never>)] = []
        var lastID: UInt64 = 0
        var isClosed = false
    }

    private let maxSlots: Int
    private let state = Mutex(State())

    init(maxSlots: Int) {
        self.maxSlots = maxSlots
    }

    /// A free slot, when there is one; the one used last first, since its connection is most likely alive.
    /// - Throws: CallFailure `.timedOut` when there is none in time: nothing was sent.
    func borrow(within limit: Duration) async throws -> Slot {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        let timer = Task { [weak self] in
            try await Task.sleep(for: limit)
            self?.giveUp(id)
        }
        defer { timer.cancel() }
        let slot = await withCheckedContinuation { continuation in
            let slot: Slot? = state.withLock { state in
                if let slot = state.free.popLast() { return slot }
                if state.count < maxSlots {
                    state.count += 1
                    return Slot()
                }
                state.waiting.append((id, continuation))
                return nil
            }
            if let slot { continuation.resume(returning: slot) }
        }
        guard let slot else {
            throw CallFailure(.unreachable, "all connections were busy for \(limit.text)")
        }
        return slot
    }

    /// Takes a slot back, for the one who has waited longest.
    func giveBack(_ slot: Slot) {
        let next = state.withLock { state -> CheckedContinuation<Slot?, Never>? in
            if state.isClosed { slot.handle = nil }
            guard !state.waiting.isEmpty else {
                state.free.append(slot)
                return nil
            }
            return state.waiting.removeFirst().continuation
        }
        next?.resume(returning: slot)
    }

    /// Closes all connections that are not at work, the others when they have ended.
    func close() {
        state.withLock { state in
            state.isClosed = true
            state.free.forEach { $0.handle = nil }
        }
    }

    private func giveUp(_ id: UInt64) {
        let waiting = state.withLock { state -> CheckedContinuation<Slot?, Never>? in
            guard let index = state.waiting.firstIndex(where: { $0.id == id }) else { return nil }
            return state.waiting.remove(at: index).continuation
        }
        waiting?.resume(returning: nil)
    }
}
