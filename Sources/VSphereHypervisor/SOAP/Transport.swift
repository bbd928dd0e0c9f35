internal import Hypervisor

/// What carries SOAP messages to the server and back. Calls may run at the same time.
protocol Transport: Sendable {
    /// Sends one message and waits for the answer, whatever its HTTP status.
    /// - Parameter limit: how long it may take.
    /// - Throws: CallFailure, where there is no whole answer; HypervisorError `.misconfigured`.
    func post(_ message: Message, within limit: Duration) async throws -> Answer

    /// Lets go of all connections.
    func close()
}

/// A message to the server.
struct Message: Sendable {
    /// The envelope. Login's holds the password: a message is never logged nor quoted.
    let body: [UInt8]
    /// The API version as SOAPAction says it.
    let action: String
    /// The session, once there is one: `vmware_soap_session=…`.
    let cookie: String?
}

/// The server's answer.
struct Answer: Sendable {
    let status: Int
    let body: [UInt8]
    /// The session that the server opened with this answer.
    let cookie: String?
}
