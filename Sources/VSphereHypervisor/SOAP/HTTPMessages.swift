/// A message to the server.
struct HTTPRequest: Sendable {
    /// The envelope. Login's holds the password: a message is never logged nor quoted.
    let body: [UInt8]
    /// The API version as SOAPAction says it.
    let action: String
    /// The session, once there is one: `vmware_soap_session=…`.
    let cookie: String?
}

/// The server's answer.
struct HTTPResponse: Sendable {
    let status: Int
    let body: [UInt8]
    /// The session that the server opened with this answer.
    let cookie: String?
}
