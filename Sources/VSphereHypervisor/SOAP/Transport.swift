internal import Hypervisor

/// What carries SOAP messages to the server and back. Calls may run at the same time.
protocol Transport: Sendable {
    /// Sends one message and waits for the answer, whatever its HTTP status.
    /// - Parameter limit: how long it may take.
    /// - Throws: CallFailure, where there is no whole answer; HypervisorError `.misconfigured`.
    func post(_ message: HTTPRequest, within limit: Duration) async throws -> HTTPResponse

    /// Closes all connections.
    func close()
}
