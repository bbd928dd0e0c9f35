/// What `body` gives, or nil when the deadline comes first; `body` then continues and nobody waits for it.
///
/// A task group would wait for it all the same. It runs on all processors, whatever executor the caller prefers: what
/// hangs in it must not hold up the caller.
public func withDeadline<Value: Sendable>(
    _ deadline: ContinuousClock.Instant?, _ body: @escaping @Sendable () async -> Value
) async -> Value? {
    guard let deadline else { return await body() }
    return await withCheckedContinuation { continuation in
        let once = Once<Value?, Never>(continuation)
        let timer = TimerQueue.shared.add(at: deadline) { once.resume(.success(nil)) }
        Task {
            let value = await body()
            TimerQueue.shared.remove(timer)
            once.resume(.success(value))
        }
    }
}

/// `withDeadline` for a `body` that may throw.
/// - Throws: what `body` throws before the deadline.
public func tryWithDeadline<Value: Sendable>(
    _ deadline: ContinuousClock.Instant?, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value? {
    let result: Result<Value, any Error>? = await withDeadline(deadline) {
        do {
            return .success(try await body())
        } catch {
            return .failure(error)
        }
    }
    return try result?.get()
}
