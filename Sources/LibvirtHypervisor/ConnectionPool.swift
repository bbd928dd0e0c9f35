internal import Hypervisor

/// Connections opened as they are needed.
///
/// libvirtd works on about five calls of one connection at a time (max_client_requests), so many VMs need several.
actor ConnectionPool {
    private static let borrowersPerConnection = 4

    private let uri: String
    private let events: BlockJobEvents?
    private var open: [Slot] = []

    private struct Slot {
        let connection: Task<Connection, any Error>
        var borrowers: Int
    }

    /// - Parameter events: where block job events of these connections go; nil: none are asked for.
    init(uri: String, events: BlockJobEvents? = nil) {
        self.uri = uri
        self.events = events
    }

    /// Lends a connection to `body`.
    func with<Value: Sendable>(_ body: @Sendable (Connection) async throws -> Value) async throws -> Value {
        let index = borrow()
        defer { open[index].borrowers -= 1 }
        return try await body(try await open[index].connection.value)
    }

    private func borrow() -> Int {
        if let index = open.firstIndex(where: { $0.borrowers < Self.borrowersPerConnection }) {
            open[index].borrowers += 1
            return index
        }
        let connection = Task { [uri, events] in
            try await blocking("connecting to libvirt at \(uri)", within: .seconds(30)) {
                if let events {
                    try EventLoop.start()
                    let connection = try Connection(uri: uri)
                    try connection.subscribe(events)
                    return connection
                }
                return try Connection(uri: uri)
            }
        }
        open.append(Slot(connection: connection, borrowers: 1))
        return open.count - 1
    }

    /// Lets go of all connections; the last user's reference closes each.
    func close() {
        open.removeAll()
    }
}
