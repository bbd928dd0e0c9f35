internal import Hypervisor

/// Thaws a guest over a connection of its own: another one may have a call that hangs, and in libvirt 9.0.0 a second call
/// can lie unsent behind it.
struct GuestThaw: Sendable {
    let uri: String
    let machineID: String
    /// For the agent's answer, in whole seconds.
    let agentTimeout: Duration

    /// Asks once.
    /// - Parameter limit: nil: a second more than the agent has.
    /// - Returns: how many file systems the guest says it thawed; 0 also for one that is off, which is not frozen.
    /// - Throws: HypervisorError, LibvirtError: the guest may be frozen still.
    @discardableResult
    func ask(within limit: Duration? = nil) async throws -> Int {
        try await blocking("thawing the guest", within: limit ?? agentTimeout + .seconds(1)) {
            let connection = try Connection(uri: uri)
            guard let domain = try connection.domain(uuid: machineID), try domain.state().isActive else { return 0 }
            try domain.setAgentTimeout(agentTimeout)
            return try domain.thawFileSystems()
        }
    }

    /// Asks until the guest confirms a thaw, for as long as a guest may stay frozen and the manager waits.
    /// - Returns: how many file systems it says it thawed; nil: it confirmed none.
    func repeatedly(for limit: Duration, before deadline: ContinuousClock.Instant?) async -> Int? {
        let clock = ContinuousClock()
        // What was begun must be undone before the manager's time-out.
        let longest = clock.now + limit
        let end = deadline.map { min(longest, $0 - FreezeTimes.undoing) } ?? longest
        while clock.now + .milliseconds(200) < end {
            let limit = min(agentTimeout + .seconds(1), clock.now.duration(to: end))
            if let count = try? await ask(within: limit) { return count }
            try? await clock.sleep(for: .milliseconds(200))
        }
        return nil
    }
}

extension GuestThaw {
    /// With the agent's usual time.
    init(_ settings: HypervisorSettings, machineID: String) {
        self.init(uri: settings.uri, machineID: machineID, agentTimeout: settings.agentTimeout)
    }
}
