public import Support

/// Runs a blocking C call on a thread of its own and waits for it no longer than `limit`.
///
/// When the limit passes, the call continues in its abandoned thread, since nothing can interrupt it; its result is
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

extension AbandonedCall {
    /// The error of who does not wait any longer: `.timedOut` with remedy `.stop`.
    public func timeOut(after limit: Duration) -> HypervisorError {
        HypervisorError(.timedOut, "\(what) took longer than \(limit.text)", remedy: .stop)
    }
}
