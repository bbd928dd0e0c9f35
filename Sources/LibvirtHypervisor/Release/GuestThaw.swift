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
}

extension GuestThaw {
    /// With the agent's usual time.
    init(_ settings: HypervisorSettings, machineID: String) {
        self.init(uri: settings.uri, machineID: machineID, agentTimeout: settings.agentTimeout)
    }
}
