/// Waits longer from one attempt to the next, until the time or the attempts are used up.
package struct Backoff: Sendable {
    private var next: Duration
    private var left: Int
    private let deadline: ContinuousClock.Instant?
    private let longest: Duration

    /// As many attempts as there is time for.
    package init(
        until deadline: ContinuousClock.Instant, first: Duration = .milliseconds(100), longest: Duration = .seconds(5)
    ) {
        self.deadline = deadline
        next = first
        left = .max
        self.longest = longest
    }

    /// So many attempts in all.
    package init(attempts: Int, first: Duration) {
        deadline = nil
        next = first
        left = attempts - 1
        longest = .seconds(5)
    }

    /// So many attempts in all, at even intervals.
    package init(attempts: Int, every interval: Duration) {
        deadline = nil
        next = interval
        left = attempts - 1
        longest = interval
    }

    /// Waits; false, at once, when there is no attempt left, or the task is cancelled.
    package mutating func wait() async -> Bool {
        guard left > 0 else { return false }
        if let deadline, .now + next >= deadline { return false }
        left -= 1
        guard (try? await Task.sleep(for: next)) != nil else { return false }
        next = min(next * 2, longest)
        return true
    }

    /// What `body` gives at the first attempt that does not fail.
    /// - Parameter isWorthIt: whether there is another attempt after such a failure.
    /// - Throws: the last failure.
    package func retrying<Value>(
        isolation: isolated (any Actor)? = #isolation,
        _ body: () async throws -> Value, after isWorthIt: (any Error) async -> Bool = { _ in true }
    ) async throws -> Value {
        var backoff = self
        while true {
            do {
                return try await body()
            } catch {
                guard await isWorthIt(error), await backoff.wait() else { throw error }
            }
        }
    }

    /// What `body` gives at the first attempt that gives something; nil where none does.
    package func firstValue<Value>(
        isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Value?
    ) async throws -> Value? {
        var backoff = self
        repeat {
            if let value = try await body() { return value }
        } while await backoff.wait()
        return nil
    }
}
