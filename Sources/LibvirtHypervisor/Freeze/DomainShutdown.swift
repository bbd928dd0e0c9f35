internal import Hypervisor
internal import Support
internal import XMLTree

/// The clean shutdown of one running domain.
struct DomainShutdown: Sendable {
    let domain: Domain
    let agentTimeout: Duration
    let deadline: ContinuousClock.Instant

    /// - Throws: as ``GuestShutdown/shutDown(id:before:)``.
    func run() async throws {
        try await blocking("asking whether the VM can be shut down", within: .seconds(30)) { try requireReturn() }
        do {
            try await shutDown()
        } catch let error as LibvirtError {
            throw HypervisorError(
                .changed, "whether the guest shuts down is not known", remedy: .stop, cause: error)
        }
    }

    private func shutDown() async throws {
        let byAgent = try await ask(.agent)
        if byAgent, try await isOff(before: min(deadline, .now + ContinuousClock.now.duration(to: deadline) / 2)) {
            return
        }
        // Beside the agent's request, if that is under way: whichever the guest follows.
        let byButton = try await ask(.powerButton)
        guard byAgent || byButton else {
            // Were both refused, or were the answers lost with the connection?
            let state = try? await blocking("asking whether the VM runs", within: .seconds(30)) { try domain.state() }
            guard let state, state.isActive else {
                throw HypervisorError(.changed, "the guest may have been asked to shut down", remedy: .stop)
            }
            throw HypervisorError(
                .callFailed, "neither the guest's agent nor its power button (ACPI) takes a shutdown",
                remedy: .fallBack, reason: .shutdownIgnored)
        }
        guard try await isOff(before: deadline) else {
            throw HypervisorError(
                .timedOut, "the guest did not shut down in time", remedy: .stop, reason: .shutdownIgnored)
        }
    }

    /// A domain that would be gone, or start again by itself, is not shut down; nor is one whose guest would not hear of it.
    func requireReturn() throws {
        // One that its owner has switched off meanwhile is not started again either.
        guard try domain.state() == .running else {
            throw HypervisorError(.changed, "the VM does not run any more", remedy: .fallBack)
        }
        guard try domain.isPersistent() else {
            throw HypervisorError(
                .callFailed, "the VM is transient: it would be gone after its shutdown", remedy: .fallBack,
                reason: .shutdownIgnored)
        }
        if let obstacle = Self.obstacle(in: try domain.document(live: true)) {
            throw HypervisorError(obstacle, .callFailed)
        }
    }

    /// Why a domain with this live definition is not shut down; nil: it can be tried.
    /// - Parameter hasAgent: whether the guest's agent answers; nil: as the definition says.
    static func obstacle(in document: XMLElement, hasAgent: Bool? = nil) -> StrategyObstacle? {
        let action = document.first("on_poweroff")?.text ?? "destroy"
        guard action == "destroy" else {
            return StrategyObstacle(
                .shutdownIgnored, "its on_poweroff is \(printable(action)), so that a shutdown does not end it")
        }
        let channels = document.first("devices")?.children(named: "channel") ?? []
        let hasAgent = hasAgent ?? (DomainDescription.AgentChannel(channels) == .connected)
        guard !hasAgent, !hasPowerButton(document) else { return nil }
        return StrategyObstacle(
            .shutdownIgnored,
            "its guest has no agent that answers and no power button (ACPI), so it hears of no shutdown")
    }

    /// Of a PC it is ACPI's; other machines have theirs without.
    private static func hasPowerButton(_ document: XMLElement) -> Bool {
        guard let machine = document.first("os", "type")?["arch"], ["x86_64", "i686"].contains(machine) else {
            return true
        }
        return document.first("features", "acpi") != nil
    }

    /// Whether the request was taken, or may have been.
    private func ask(_ way: Domain.ShutdownWay) async throws -> Bool {
        let limit = agentTimeout + .seconds(1)
        let outcome = await act("asking the guest to shut down (\(way.rawValue))", within: limit) {
            try? domain.setAgentTimeout(agentTimeout)
            try domain.shutDown(by: way)
        }
        switch outcome {
        case .ended(.success), .givenUp: return true
        case .ended(.failure(let error as LibvirtError)): return error.isAgentSilent
        case .ended(.failure(let error)): throw error
        }
    }

    private func isOff(before end: ContinuousClock.Instant) async throws -> Bool {
        while true {
            let state = try await blocking("asking whether the VM is off", within: .seconds(30)) { try domain.state() }
            // It runs on another host: there is nothing at rest.
            guard state != .migratedAway else {
                throw HypervisorError(.changed, "the VM was moved to another host meanwhile", remedy: .stop)
            }
            if !state.isActive { return true }
            guard .now < end else { return false }
            try await Task.sleep(for: .milliseconds(200))
        }
    }
}
