internal import Synchronization

/// What `body` gives, or nil when the deadline comes first; `body` then goes on and nobody waits for it.
///
/// A task group would wait for it all the same.
func firstOf<Value: Sendable>(
    deadline: ContinuousClock.Instant?, _ body: @escaping @Sendable () async -> Value
) async -> Value? {
    guard let deadline else { return await body() }
    return await withCheckedContinuation { continuation in
        let once = Once(continuation)
        Task { once.resume(await body()) }
        Task {
            try? await Task.sleep(until: deadline)
            once.resume(nil)
        }
    }
}

private final class Once<Value: Sendable>: Sendable {
    private let continuation: Mutex<CheckedContinuation<Value?, Never>?>

    init(_ continuation: CheckedContinuation<Value?, Never>) {
        self.continuation = Mutex(continuation)
    }

    func resume(_ value: Value?) {
        let first = continuation.withLock { continuation in
            defer { continuation = nil }
            return continuation
        }
        first?.resume(returning: value)
    }
}
