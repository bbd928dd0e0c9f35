internal import Synchronization

/// Runs a blocking C call on a thread of its own and waits for it no longer than `limit`.
///
/// When the limit passes, the call goes on in its abandoned thread, since nothing can interrupt it; its result is
/// dropped. A task-group time-out would wait for the call to end. So this is for what only reads, and for what may happen
/// late without harm; for the rest there is `act`.
/// - Parameter what: what is being done, for the error's text: "freezing the file systems of web01".
/// - Throws: what `body` throws, or `HypervisorError` with `.timedOut` and remedy `.stop`.
public func blocking<Value: Sendable>(
    _ what: String, within limit: Duration, _ body: @escaping @Sendable () throws -> Value
) async throws -> Value {
    switch await act(what, within: limit, body) {
    case .ended(let result): return try result.get()
    case .givenUp(let call): throw call.timeOut(after: limit)
    }
}

/// What `body` gives, or nil when the deadline comes first; `body` then goes on and nobody waits for it.
///
/// A task group would wait for it all the same. It runs on all processors, whatever executor the caller prefers: what
/// hangs in it must not hold up the caller.
public func firstOf<Value: Sendable>(
    deadline: ContinuousClock.Instant?, _ body: @escaping @Sendable () async -> Value
) async -> Value? {
    guard let deadline else { return await body() }
    return await withCheckedContinuation { continuation in
        let once = Once<Value?, Never>(continuation)
        let timer = Deadlines.shared.add(at: deadline) { once.resume(.success(nil)) }
        Task {
            let value = await body()
            Deadlines.shared.remove(timer)
            once.resume(.success(value))
        }
    }
}

/// `firstOf` for a `body` that may throw.
/// - Throws: what `body` throws before the deadline.
public func tryFirstOf<Value: Sendable>(
    deadline: ContinuousClock.Instant?, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value? {
    let result: Result<Value, any Error>? = await firstOf(deadline: deadline) {
        do {
            return .success(try await body())
        } catch {
            return .failure(error)
        }
    }
    return try result?.get()
}

/// A continuation that whoever comes first resumes.
final class Once<Value: Sendable, Failure: Error>: Sendable {
    private let continuation: Mutex<CheckedContinuation<Value, Failure>?>

    init(_ continuation: CheckedContinuation<Value, Failure>) {
        self.continuation = Mutex(continuation)
    }

    func resume(_ result: Result<Value, Failure>) {
        let first = continuation.withLock { continuation in
            defer { continuation = nil }
            return continuation
        }
        first?.resume(with: result)
    }
}
