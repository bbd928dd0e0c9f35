internal import Synchronization

/// How a call that changes something came out.
public enum CallOutcome<Value: Sendable>: Sendable {
    /// It has ended.
    case ended(Result<Value, any Error>)
    /// Nobody waited for it any longer, and it may still be carried out.
    case givenUp(AbandonedCall<Value>)
}

/// A call that changes something and that may still be carried out, since nothing can interrupt it.
///
/// Whoever gets one does one of three things before anything that would collide with it: waits for its end, writes down
/// that it may happen, or has seen to it that it can do no harm any more.
public final class AbandonedCall<Value: Sendable>: Sendable {
    /// What is being done, for messages: "mounting /srv".
    public let what: String

    private struct State {
        var result: Result<Value, any Error>?
        var waiting: [@Sendable (Result<Value, any Error>) -> Void] = []
    }

    private let state = Mutex(State())

    fileprivate init(_ what: String) {
        self.what = what
    }

    /// Its result once it has ended; nil when it has not within `limit`.
    public func result(within limit: Duration) async -> Result<Value, any Error>? {
        if let known = state.withLock({ $0.result }) { return known }
        guard limit > .zero else { return nil }
        return await withCheckedContinuation { continuation in
            let once = Once<Result<Value, any Error>?, Never>(continuation)
            let timer = TimerQueue.shared.add(at: .now + limit) { once.resume(.success(nil)) }
            let known = state.withLock { state in
                if state.result == nil {
                    state.waiting.append { result in
                        TimerQueue.shared.remove(timer)
                        once.resume(.success(result))
                    }
                }
                return state.result
            }
            guard let known else { return }
            TimerQueue.shared.remove(timer)
            once.resume(.success(known))
        }
    }

    fileprivate func finish(_ result: Result<Value, any Error>) {
        let waiting = state.withLock { state in
            state.result = result
            defer { state.waiting = [] }
            return state.waiting
        }
        for resume in waiting { resume(result) }
    }
}

/// Runs a blocking call that changes something on a thread of its own, and waits for it no longer than `limit`.
/// - Parameter what: what is being done: "mounting /srv".
public func act<Value: Sendable>(
    _ what: String, within limit: Duration, _ body: @escaping @Sendable () throws -> Value
) async -> CallOutcome<Value> {
    let call = AbandonedCall<Value>(what)
    let ledger = CallLedger.current
    ledger?.begin()
    startThread {
        let result = Result { try body() }
        ledger?.end()
        call.finish(result)
    }
    guard let result = await call.result(within: limit) else { return .givenUp(call) }
    return .ended(result)
}
