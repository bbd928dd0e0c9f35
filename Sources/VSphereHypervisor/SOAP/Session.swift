internal import Support
internal import XMLTree

/// The session with one server: logged in on first need, and again when the server has forgotten it.
///
/// Each login is paired with a logout by `close`.
actor Session {
    /// A session that is logged in.
    struct Open: Sendable {
        let content: ServiceContent
        let cookie: String
        /// What the server calls the session, when it is asked about it.
        let key: String?
        /// Which login of this process it is.
        let generation: Int
    }

    /// How long a read is repeated.
    private static let maxRepeatTime = Duration.seconds(8)
    /// So many answers that make no sense are taken for the server's last word.
    private static let maxGarbledAnswers = 3
    /// A server that could not be logged in to is not asked again by each of many VMs.
    private static let loginFailureLifetime = Duration.seconds(3)

    nonisolated let url: String
    private let transport: any Transport
    let username: String
    let password: @Sendable () throws -> Secret
    private var opening: Task<Open, any Error>?
    /// What `opening` brought.
    private var current: Open?
    private var failure: (error: any Error, at: ContinuousClock.Instant)?
    private var generations = 0

    init(
        url: String, username: String, transport: any Transport, password: @escaping @Sendable () throws -> Secret
    ) {
        self.url = url
        self.username = username
        self.transport = transport
        self.password = password
    }

    /// The session, logged in first where need be; all who ask meanwhile share one login.
    func open() async throws -> Open {
        if let opening { return try await opening.value }
        if let failure, .now - failure.at < Self.loginFailureLifetime { throw failure.error }
        generations += 1
        let generation = generations
        let task = Task { try await logInRepeatedly(generation) }
        opening = task
        do {
            let open = try await task.value
            if generations == generation { current = open }
            failure = nil
            return open
        } catch {
            if generations == generation { opening = nil }
            failure = (error, .now)
            throw error
        }
    }

    /// The same, waited for no longer than until the deadline.
    /// - Throws: CallFailure `.unreachable` when it passes: nothing was asked of the session.
    nonisolated func open(until deadline: ContinuousClock.Instant) async throws -> Open {
        if let open = await current { return open }
        guard let open = try await tryWithDeadline(deadline, { try await self.open() }) else {
            throw CallFailure(.unreachable, "\(url) opened no session in time")
        }
        return open
    }

    /// Makes a call and returns the element that answers it.
    ///
    /// A session that the server has forgotten is renewed once. A call that changes nothing is repeated when its answer
    /// got lost, for some seconds: a server that is gone is not back before a snapshot manager's time-out.
    /// - Throws: CallFailure; HypervisorError where no session can be opened.
    nonisolated func call(_ call: SOAPCall, until deadline: ContinuousClock.Instant) async throws -> XMLElement {
        try await answer(to: call, until: deadline).element
    }

    /// The same, with the length of the answer.
    nonisolated func answer(
        to call: SOAPCall, until deadline: ContinuousClock.Instant
    ) async throws -> (element: XMLElement, bytes: Int) {
        var garbledAnswers = 0
        return try await Backoff(until: min(deadline, .now + Self.maxRepeatTime)).retrying {
            try await callOnce(call, until: deadline)
        } after: {
            guard call.isRepeatable, let error = $0 as? CallFailure, error.isTransient else { return false }
            // An answer that was cut off may be whole the next time; what is no SOAP will not become it.
            if error.kind == .garbled { garbledAnswers += 1 }
            return garbledAnswers < Self.maxGarbledAnswers
        }
    }

    /// Ends the session; a failure of that is ignored.
    func close() async {
        // A login that is under way is waited for, so that it is not left behind, but not for long with a server that
        // does not answer.
        if current == nil, let opening {
            _ = await withDeadline(.now + .milliseconds(500)) { _ = await opening.result }
        }
        if let open = current {
            let call = SOAPCall("Logout", on: open.content.sessionManager)
            _ = try? await send(call, action: open.content.version.action, cookie: open.cookie, within: .seconds(3))
        }
        opening = nil
        current = nil
        failure = nil
        transport.close()
    }

    private nonisolated func callOnce(
        _ call: SOAPCall, until deadline: ContinuousClock.Instant
    ) async throws -> (element: XMLElement, bytes: Int) {
        let session = try await open(until: deadline)
        do {
            return try await send(call, in: session, until: deadline)
        } catch let error as CallFailure where error.fault?.kind == .session {
            await forget(session)
            return try await send(call, in: try await open(until: deadline), until: deadline)
        }
    }

    private nonisolated func send(
        _ call: SOAPCall, in session: Open, until deadline: ContinuousClock.Instant
    ) async throws -> (element: XMLElement, bytes: Int) {
        // What is asked for after the deadline helps nobody any more; pages and repeats would continue it for ever.
        let left = deadline - .now
        guard left > .zero else {
            throw CallFailure(.unreachable, "no time was left to call \(call.method) at \(url)")
        }
        let answer = try await send(
            call, action: session.content.version.action, cookie: session.cookie, within: min(left, .seconds(60)))
        if ObjectProperties.areWithoutSession(answer.element) {
            throw CallFailure(VimFault(name: "NotAuthenticated"))
        }
        return (answer.element, answer.bytes)
    }

    nonisolated func send(
        _ call: SOAPCall, action: String, cookie: String?, within limit: Duration
    ) async throws -> (element: XMLElement, cookie: String?, bytes: Int) {
        let answer = try await transport.post(
            HTTPRequest(body: call.envelope, action: action, cookie: cookie), within: limit)
        return (try answer.result(from: url), answer.cookie, answer.body.count)
    }

    private func forget(_ session: Open) {
        guard generations == session.generation else { return }
        opening = nil
        current = nil
    }
}
