internal import Support

/// Lets only so many guests be frozen at the same time.
///
/// Guests that freeze together wait for each other's flushes and for the host's processors, each of them frozen all
/// the while; one after another they are frozen for a fraction of that, and the last is done hardly later.
///
/// A guest that is not out again soon is not frozen but prepares to be, by hooks or VSS, or does not answer; it gives up
/// its place for that, and has its window when it comes to it. Until then the datasets share the places: each has as many
/// as go to it when all that want some get the same, takes more only while no other wants them, and those that it took so
/// cost no other dataset any.
actor FreezeLimiter {
    private let places: Int
    private let longestStay: Duration
    private var lastStay: UInt64 = 0
    /// Those inside that have a place.
    private var stays: Set<UInt64> = []
    /// How many guests of each dataset are inside; none has 0.
    private var inside: [String: Int] = [:]
    /// Those that wait, in the order in which the datasets have their turns.
    private var queues: [(dataset: String, guests: [CheckedContinuation<Void, Never>])] = []

    /// - Parameter longestStay: how long a guest keeps its place.
    init(places: Int, longestStay: Duration = .seconds(1)) {
        self.places = places
        self.longestStay = longestStay
    }

    /// Runs `body` when a place is free.
    /// - Parameter dataset: whose share of the places the guest counts to.
    func pass<Value: Sendable>(
        of dataset: String = "", _ body: @Sendable () async throws -> Value
    ) async throws -> Value {
        await enter(dataset)
        lastStay += 1
        let stay = lastStay
        stays.insert(stay)
        let timer = TimerQueue.shared.add(at: .now + longestStay) { Task { await self.leave(dataset, stay) } }
        defer {
            TimerQueue.shared.remove(timer)
            leave(dataset, stay)
        }
        return try await body()
    }

    private func enter(_ dataset: String) async {
        await withCheckedContinuation { guest in
            if let index = queues.firstIndex(where: { $0.dataset == dataset }) {
                queues[index].guests.append(guest)
            } else {
                queues.append((dataset, [guest]))
            }
            letIn()
        }
    }

    private func leave(_ dataset: String, _ stay: UInt64) {
        guard stays.remove(stay) != nil else { return }
        inside[dataset] = inside[dataset].flatMap { $0 > 1 ? $0 - 1 : nil }
        letIn()
    }

    private func letIn() {
        while let index = queues.firstIndex(where: { mayEnter($0.dataset) }) {
            var queue = queues.remove(at: index)
            inside[queue.dataset, default: 0] += 1
            let guest = queue.guests.removeFirst()
            // Behind those of the others.
            if !queue.guests.isEmpty { queues.append(queue) }
            guest.resume()
        }
    }

    private func mayEnter(_ dataset: String) -> Bool {
        let share = max(1, places / Set(inside.keys).union(queues.map(\.dataset)).count)
        let shared = inside.values.reduce(0) { $0 + min($1, share) }
        if inside[dataset, default: 0] < share { return shared < places }
        return inside.values.reduce(0, +) < places && queues.allSatisfy { $0.dataset == dataset }
    }
}
