internal import Hypervisor

/// Connections opened as they are needed, each lent to one borrower at a time.
///
/// Two threads may use one connection, but in libvirt 9.0.0 the second one's call can lie unsent until the first
/// one's is answered (rpc/virnetclient.c: g_main_loop_quit before the other thread's g_main_loop_run is lost). With a
/// guest agent that is silent for seconds, another VM would stay frozen for as long.
actor ConnectionPool {
    private let uri: String
    private let subscribe: (@Sendable (Connection) throws -> Void)?
    private var slots: [Slot] = []

    private final class Slot {
        let connection: Task<Connection, any Error>
        var isLent = true

        init(_ connection: Task<Connection, any Error>) {
            self.connection = connection
        }
    }

    /// - Parameter subscribe: asks a new connection for its events; nil: it gets none.
    init(uri: String, subscribe: (@Sendable (Connection) throws -> Void)? = nil) {
        self.uri = uri
        self.subscribe = subscribe
    }

    /// Lends a connection to `body`. One that failed, or died meanwhile, is not lent again.
    func with<Value: Sendable>(_ body: @Sendable (Connection) async throws -> Value) async throws -> Value {
        let slot = borrow()
        defer { slot.isLent = false }
        do {
            let connection = try await slot.connection.value
            do {
                return try await body(connection)
            } catch {
                if !connection.isAlive { drop(slot) }
                throw error
            }
        } catch {
            if case .failure = await slot.connection.result { drop(slot) }
            throw error
        }
    }

    private func borrow() -> Slot {
        if let slot = slots.first(where: { !$0.isLent }) {
            slot.isLent = true
            return slot
        }
        let slot = Slot(
            Task { [uri, subscribe] in
                try await blocking("connecting to libvirt at \(uri)", within: .seconds(30)) {
                    guard let subscribe else { return try Connection(uri: uri) }
                    try EventLoop.start()
                    let connection = try Connection(uri: uri)
                    try subscribe(connection)
                    return connection
                }
            })
        slots.append(slot)
        return slot
    }

    private func drop(_ slot: Slot) {
        slots.removeAll { $0 === slot }
    }

    /// Lets go of all connections; the last user's reference closes each.
    func close() {
        slots.removeAll()
    }
}
