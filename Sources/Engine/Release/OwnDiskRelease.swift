internal import Hypervisor
internal import RunState
internal import Support

/// Lets a VM run again that a strategy stopped on its own disks: `freeze`, `pause`, `shutdown`.
struct OwnDiskRelease: Sendable {
    let hypervisor: any Hypervisor
    let id: String
    let freezeState: FreezeState
    /// How long a guest may take to shut down.
    let shutdownTimeout: Duration
    /// For how long after it was asked to a guest may still go off.
    let maxHold: Duration

    /// May be called again after a failure.
    /// - Parameter update: changes the VM's record.
    /// - Throws: HypervisorError: it may stand still, or be off, still.
    func run(_ update: (@Sendable (inout VMRecord) -> Void) async throws -> Void) async throws {
        switch freezeState.strategy {
        case .freeze:
            let count = try await thaw()
            try await update { $0.note(.thawed(count)) }
        case .pause:
            guard let pausing = hypervisor as? any ProcessorPausing else { throw foreign }
            try await pausing.resume(id: id)
            try await update { $0.note(.resumed) }
        case .shutdown:
            let note = try await start()
            try await update { record in
                note.map { record.notes.append($0) }
                record.freezeState = nil
            }
        default: throw foreign
        }
    }

    private func thaw() async throws -> Int {
        do {
            return try await hypervisor.thaw(id: id)
        } catch  where !(error is HypervisorError) {
            // As while libvirtd is being restarted.
            throw HypervisorError(.callFailed, "the guest does not thaw yet", remedy: .retry, cause: error)
        }
    }

    /// - Returns: what an administrator should know.
    private func start() async throws -> String? {
        guard let power = hypervisor as? any GuestShutdown else { throw foreign }
        // One that was asked and not seen to be off may go off yet, with nobody there any more to start it.
        if freezeState.step == .switching, try await !isOff(before: .now + shutdownTimeout) {
            // Without a time the freeze was killed in the middle, and had perhaps not asked.
            guard unixMilliseconds() - (freezeState.stoppedAt ?? 0) >= maxHold.milliseconds else {
                throw HypervisorError(
                    .changed, "it was asked to shut down and may do so yet; then it is started", remedy: .stop)
            }
            return "it was asked to shut down and has not within max_hold; should it still go off, start it"
        }
        try await power.start(id: id)
        return nil
    }

    private func isOff(before end: ContinuousClock.Instant) async throws -> Bool {
        while true {
            // One that is gone will not be started either.
            let isAtRest = try await hypervisor.virtualMachine(id: id).map(\.power.isAtRest) ?? true
            guard !isAtRest, .now < end else { return isAtRest }
            try await Task.sleep(for: .milliseconds(500))
        }
    }

    private var foreign: HypervisorError {
        HypervisorError(
            .callFailed,
            "its hypervisor cannot undo `\(freezeState.strategy?.rawValue ?? "?")`; was its section's kind changed?",
            remedy: .stop)
    }
}
