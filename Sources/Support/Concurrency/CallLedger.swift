internal import Synchronization

/// Counts the blocking calls of a task that are under way, given up or not.
///
/// What they work on, a connection, is no use to anyone else until there are none.
public final class CallLedger: Sendable {
    /// The one that calls of this task are entered in.
    @TaskLocal static var current: CallLedger?

    private let underWay = Mutex(0)

    /// An empty one.
    public init() {}

    /// Enters the calls of `body`, and of the tasks that it starts.
    public func counting<Value>(
        isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Value
    ) async rethrows -> Value {
        try await Self.$current.withValue(self, operation: body, isolation: isolation)
    }

    /// Whether every call that was begun has ended.
    public var isClear: Bool { underWay.withLock { $0 == 0 } }

    func begin() { underWay.withLock { $0 += 1 } }
    func end() { underWay.withLock { $0 -= 1 } }
}
