public import Hypervisor

/// `pause`: SuspendVM_Task and PowerOnVM_Task.
extension VSphereHypervisor: ProcessorPausing {
    /// RAM is written to the datastore meanwhile.
    private static let longestSuspending = Duration.seconds(120)

    /// Suspends a running VM; see `VMSuspension`.
    public func pause(id: String, before deadline: ContinuousClock.Instant?) async throws -> [String] {
        if let obstacle = try await plannedDetails(id).obstacleToPause {
            throw HypervisorError(obstacle, .callFailed)
        }
        let longest = ContinuousClock.now + Self.longestSuspending
        try await VMSuspension(
            session: session, poller: poller, vm: .vm(id), end: min(deadline ?? longest, longest)
        ).run()
        return [VMDetails.suspendedNote]
    }

    /// Powers a suspended VM on; see `VMStart`.
    public func resume(id: String) async throws {
        try await VMStart(session: session, poller: poller, vm: .vm(id), stop: .suspended).run()
    }
}

/// `shutdown`: ShutdownGuest, by VMware Tools, and PowerOnVM_Task.
extension VSphereHypervisor: GuestShutdown {
    /// Shuts a running VM's guest down; see `ToolsShutdown`.
    public func shutDown(id: String, before deadline: ContinuousClock.Instant) async throws {
        try await ToolsShutdown(
            session: session, poller: poller, details: plannedDetails(id), deadline: deadline
        ).run()
    }

    /// Powers a VM on that is off; see `VMStart`.
    public func start(id: String) async throws {
        try await VMStart(session: session, poller: poller, vm: .vm(id), stop: .shutDown).run()
    }
}
