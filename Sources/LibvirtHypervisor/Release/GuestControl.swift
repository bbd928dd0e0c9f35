internal import Hypervisor
internal import Support

/// A guest's processors and file systems during its release: what was stopped is resumed.
struct GuestControl: Sendable {
    /// A guest that stands still for longer is worse than one on its overlays.
    static let longestPause = Duration.seconds(30)

    /// Nil: it was undefined.
    let domain: Domain?
    let settings: HypervisorSettings
    let record: RecordFreezeState
}

// MARK: file systems

extension GuestControl {
    /// Thaws a guest that may be frozen. One that is off is not any more.
    /// - Returns: why it could not be thawed; then the freeze state still says that its thaw is pending.
    func thaw(_ freezeState: inout FreezeState, _ state: DomainState) async throws -> (any Error)? {
        guard freezeState.isThawPending else { return nil }
        if let domain, state.isActive {
            do {
                try await GuestThaw(settings, machineID: domain.uuid()).ask()
            } catch {
                return error
            }
        }
        freezeState.isThawPending = false
        try await record(freezeState)
        return nil
    }
}

// MARK: processors

extension GuestControl {
    /// Pauses the guest while `body` runs, and resumes it however that ends; if we are killed meanwhile, the
    /// freeze state says so.
    /// - Returns: for how long it stood still, on the host's clock.
    func paused(_ freezeState: inout FreezeState, _ body: (inout FreezeState) async throws -> Void) async throws
        -> Duration
    {
        guard let domain else { throw CancellationError() }
        freezeState.isPausedForCommit = true
        try await record(freezeState)
        let start = ContinuousClock.now
        let limit = Self.longestPause
        let result: Result<Void, any Error>
        switch await act("pausing the guest", within: limit, { try domain.suspend() }) {
        case .ended(.success):
            do {
                result = .success(try await body(&freezeState))
            } catch {
                result = .failure(error)
            }
        case .ended(.failure(let error)): result = .failure(error)
        case .givenUp(let call):
            // It may stop the guest yet. The freeze state says so until libvirt is seen to be done with it.
            _ = await call.result(within: limit)
            result = .failure(call.timeOut(after: limit))
        }
        try await resume(&freezeState)
        let length = start.duration(to: .now)
        try result.get()
        return length
    }

    /// Ends a pause of ours.
    /// - Throws: HypervisorError `.changed` as long as a pause may still come; the freeze state says so still.
    func resume(_ freezeState: inout FreezeState) async throws {
        try await resumeOrSeeRunning()
        freezeState.isPausedForCommit = false
        try await record(freezeState)
    }

    /// Resumes the guest, or sees that it runs and that nothing is under way that could still pause it.
    /// - Throws: HypervisorError `.changed` as long as something is.
    func resumeOrSeeRunning() async throws {
        var readings = 0
        for attempt in 1... {
            do {
                if try await resume(if: .paused) { break }
                // One reading may fall between two steps of a call that is running.
                readings = try await isOccupied() ? 0 : readings + 1
                if readings == 2 { break }
            } catch  where attempt < 3 {
                readings = 0
            }
            guard attempt < 10 else {
                throw HypervisorError(
                    .changed, "libvirt is still at work on the domain, and may pause it", remedy: .retry)
            }
            try? await Task.sleep(for: .milliseconds(attempt == 1 ? 20 : 300))
        }
    }

    private func isOccupied() async throws -> Bool {
        guard let domain else { return false }
        return try await blocking("asking whether libvirt is at work on the domain", within: .seconds(30)) {
            try domain.isBusy()
        }
    }

    /// Resumes a guest that QEMU paused when the storage of its overlays was full: its own disks have room.
    func resumeAfterFailedWrite() async throws -> [String] {
        guard try await resume(if: .pausedByFailedWrite) else { return [] }
        return ["QEMU had paused the guest, since its overlay could not grow; it was resumed on its own disks"]
    }

    @discardableResult
    private func resume(if wanted: DomainState) async throws -> Bool {
        guard let domain else { return false }
        return try await blocking("resuming the guest", within: .seconds(30)) {
            guard try domain.state() == wanted else { return false }
            try domain.resume()
            return true
        }
    }
}
