internal import Hypervisor
internal import Support

/// Connections opened as they are needed, each lent to one borrower at a time.
///
/// Two threads may use one connection, but in libvirt 9.0.0 the second one's call can lie unsent until the first
/// one's is answered (rpc/virnetclient.c: g_main_loop_quit before the other thread's g_main_loop_run is lost). With a
/// guest agent that is silent for seconds, another VM would stay frozen for as long.
actor ConnectionPool {
    private let uri: String
    private let site: RemoteSite?
    private let hearsEvents: Bool
    private let opened: OpenConnections?
    private var idle: [Connection] = []
    private var isClosed = false

    /// - Parameters:
    ///   - site: nil: the daemon sees what this host sees.
    ///   - hearsEvents: whether its connections can be told of events.
    ///   - opened: counts those that are open.
    init(uri: String, site: RemoteSite? = nil, hearsEvents: Bool = false, opened: OpenConnections? = nil) {
        self.uri = uri
        self.site = site
        self.opened = opened
        self.hearsEvents = hearsEvents
    }

    /// Lends a connection to `body`. One that died meanwhile, or that a call hangs on which was given up, is not lent
    /// again.
    func with<Value: Sendable>(_ body: @Sendable (Connection) async throws -> Value) async throws -> Value {
        let connection =
            if let last = idle.popLast() { last } else {
                try await blocking("connecting to libvirt at \(uri)", within: .seconds(30), open)
            }
        let ledger = CallLedger()
        defer { if ledger.isClear, connection.isAlive { takeBack(connection) } }
        return try await ledger.counting { try await body(connection) }
    }

    /// `blocking` with a connection; a new one is opened on the same thread.
    func blockingCall<Value: Sendable>(
        _ what: String, within limit: Duration, _ body: @escaping @Sendable (Connection) throws -> Value
    ) async throws -> Value {
        let last = idle.popLast()
        let (connection, result) = try await blocking(what, within: limit) { [open] in
            let connection = try last ?? open()
            return (connection, Result { try body(connection) })
        }
        switch result {
        case .success(let value):
            takeBack(connection)
            return value
        case .failure(let error):
            if connection.isAlive { takeBack(connection) }
            throw error
        }
    }

    private nonisolated func open() throws -> Connection {
        // A connection is told of events only when the event loop was there before it.
        if hearsEvents { try EventLoop.start() }
        return try Connection(uri: uri, site: site, in: opened)
    }

    private func takeBack(_ connection: Connection) {
        if !isClosed { idle.append(connection) }
    }

    /// Releases all connections; the last user's reference closes each.
    func close() {
        isClosed = true
        idle = []
    }
}
