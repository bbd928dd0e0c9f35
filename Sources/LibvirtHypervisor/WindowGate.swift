/// Lets only so many guests be frozen at the same time.
///
/// Guests that freeze together wait for each other's flushes and for the host's processors, each of them frozen all
/// the while; one after another they are frozen for a fraction of that, and the last is done hardly later.
actor WindowGate {
    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(places: Int) {
        free = places
    }

    /// Runs `body` when a place is free.
    func pass<Value: Sendable>(_ body: @Sendable () async throws -> Value) async throws -> Value {
        await enter()
        defer { leave() }
        return try await body()
    }

    private func enter() async {
        if free > 0 {
            free -= 1
        } else {
            await withCheckedContinuation { waiting.append($0) }
        }
    }

    private func leave() {
        if waiting.isEmpty {
            free += 1
        } else {
            waiting.removeFirst().resume()
        }
    }
}
