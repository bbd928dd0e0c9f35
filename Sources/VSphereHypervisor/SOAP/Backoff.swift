/// Waits longer from one attempt to the next, until the time or the attempts are used up.
struct Backoff: Sendable {
    private var next: Duration
    private var left: Int
    private let deadline: ContinuousClock.Instant?
    private let longest = Duration.seconds(5)

    /// As many attempts as there is time for.
    init(until deadline: ContinuousClock.Instant, first: Duration = .milliseconds(100)) {
        self.deadline = deadline
        next = first
        left = .max
    }

    /// So many attempts in all.
    init(attempts: Int, first: Duration) {
        deadline = nil
        next = first
        left = attempts - 1
    }

    /// Waits; false, at once, when there is no attempt left.
    mutating func wait() async -> Bool {
        guard left > 0 else { return false }
        if let deadline, .now + next >= deadline { return false }
        left -= 1
        try? await Task.sleep(for: next)
        next = min(next * 2, longest)
        return true
    }
}
