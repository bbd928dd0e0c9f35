internal import Dispatch
internal import Synchronization

/// Lets only so many connections to one address be opened at the same time: an sshd drops more than some that have not
/// logged in yet (sshd_config(5): MaxStartups 10:30:100), and each VM at work has a connection of its own.
enum OpeningTurns {
    private static let places = 4
    private static let turns = Mutex<[String: DispatchSemaphore]>([:])

    /// Waits for a place, and runs `body`. One address that hangs holds up no other.
    static func take<Value>(of address: String, _ body: () -> Value) -> Value {
        let turn = turns.withLock { turns in
            let turn = turns[address] ?? DispatchSemaphore(value: places)
            turns[address] = turn
            return turn
        }
        turn.wait()
        defer { turn.signal() }
        return body()
    }
}
