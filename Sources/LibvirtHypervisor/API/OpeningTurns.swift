internal import Dispatch
internal import Synchronization

/// Lets only so many connections to one address be opened at the same time: an sshd drops more than some that have not
/// logged in yet (sshd_config(5): MaxStartups 10:30:100), and each VM at work has a connection of its own.
enum OpeningTurns {
    private static let places = 4
    private static let turns = Mutex<[String: DispatchSemaphore]>([:])

    /// One that hangs keeps its place for as long.
    private static let longestWait = DispatchTimeInterval.seconds(5)

    /// Waits a moment for a place, and runs `body`. An address that hangs holds up no other, and itself no more than that.
    static func take<Value>(of address: String, _ body: () -> Value) -> Value {
        let turn = turns.withLock { turns in
            let turn = turns[address] ?? DispatchSemaphore(value: places)
            turns[address] = turn
            return turn
        }
        let hasPlace = turn.wait(timeout: .now() + longestWait) == .success
        defer { if hasPlace { turn.signal() } }
        return body()
    }
}
