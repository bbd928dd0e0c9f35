internal import Hypervisor

/// A guest's processors and file systems during its release: what was stopped is set going again.
struct HeldGuest: Sendable {
    /// A guest that stands still for longer is worse than one on its overlays.
    static let longestPause = Duration.seconds(30)

    /// Nil: it was undefined.
    let domain: Domain?
    let settings: HypervisorSettings
    let record: RecordHold
}

// MARK: file systems

extension HeldGuest {
    /// Thaws a guest that may be frozen. One that is off is not any more.
    /// - Returns: why it could not be thawed; then the hold still says that it is owed.
    func thaw(_ hold: inout Hold, _ state: DomainState) async throws -> (any Error)? {
        guard hold.owesThaw else { return nil }
        if let domain, state.isActive {
            do {
                try await blocking("thawing the guest", within: settings.agentTimeout + .seconds(1)) { [settings] in
                    try domain.setAgentTimeout(settings.agentTimeout)
                    try domain.thawFileSystems()
                }
            } catch {
                return error
            }
        }
        hold.owesThaw = false
        try await record(hold)
        return nil
    }
}

// MARK: processors

extension HeldGuest {
    /// Stops the guest while `body` runs, and sets it going again however that ends; if we are killed meanwhile, the
    /// hold says so.
    /// - Returns: for how long it stood still, on the host's clock.
    func paused(_ hold: inout Hold, _ body: (inout Hold) async throws -> Void) async throws -> Duration {
        guard let domain else { throw CancellationError() }
        hold.pausedByUs = true
        try await record(hold)
        let start = ContinuousClock.now
        let result: Result<Void, any Error>
        do {
            try await blocking("pausing the guest", within: .seconds(30)) { try domain.suspend() }
            result = .success(try await body(&hold))
        } catch {
            result = .failure(error)
        }
        try await goOn(&hold)
        let length = start.duration(to: .now)
        try result.get()
        return length
    }

    /// Ends a pause of ours.
    func goOn(_ hold: inout Hold) async throws {
        for attempt in 1...3 {
            do {
                try await resume(if: .paused)
                break
            } catch  where attempt < 3 {
                try? await Task.sleep(for: .milliseconds(300))
            }
        }
        hold.pausedByUs = false
        try await record(hold)
    }

    /// Lets a guest go on that QEMU paused when the storage of its overlays was full: its own disks have room.
    func goOnAfterFailedWrite() async throws -> [String] {
        guard try await resume(if: .pausedByFailedWrite) else { return [] }
        return ["QEMU had paused the guest, since its overlay could not grow; on its own disks it goes on"]
    }

    @discardableResult
    private func resume(if wanted: DomainState) async throws -> Bool {
        guard let domain else { return false }
        return try await blocking("letting the guest go on", within: .seconds(30)) {
            guard try domain.state() == wanted else { return false }
            try domain.resume()
            return true
        }
    }
}
