internal import Hypervisor
internal import Support
internal import XMLTree

extension Session {
    /// How often the login itself is tried; what is in its way often passes within a second.
    private static let loginAttempts = 3

    func logInRepeatedly(_ generation: Int) async throws -> Open {
        var backoff = Backoff(attempts: Self.loginAttempts, first: .milliseconds(200))
        while true {
            do {
                return try await logIn(generation)
            } catch let error as CallFailure {
                // Who waited as long as it may take does not wait again.
                guard error.isTransient, error.kind != .timedOut, await backoff.wait() else {
                    throw error.error(
                        "the vSphere server cannot be used", remedy: error.isTransient ? .retry : .stop)
                }
            }
        }
    }

    private func logIn(_ generation: Int) async throws -> Open {
        // First of all: a password that cannot be used must not cost a connection.
        let password = try password()
        let hello = SOAPCall("RetrieveServiceContent", on: .serviceInstance)
        let (answer, early, _) = try await send(hello, action: APIVersion.first, cookie: nil, within: .seconds(15))
        guard let content = ServiceContent(answer) else {
            throw CallFailure(.garbled, "\(url) does not introduce itself as a vSphere server; check url")
        }
        let login = SOAPCall(
            "Login", on: content.sessionManager,
            [XMLElement("userName", text: username), XMLElement("password", text: password.reveal())])
        do {
            let (answer, late, _) = try await send(
                login, action: content.version.action, cookie: early, within: .seconds(30))
            guard let cookie = late ?? early else {
                throw CallFailure(.garbled, "\(url) opened no session at the login; check url")
            }
            return Open(
                content: content, cookie: cookie, key: answer.first("returnval")?.value("key"), generation: generation)
        } catch let error as CallFailure where error.fault?.name == "InvalidLogin" {
            throw HypervisorError(
                .unreachable,
                "\(url) refuses the login of \(username): wrong name or password; correct username and the "
                    + "password file, and see whether the account is locked",
                remedy: .stop)
        }
    }
}
