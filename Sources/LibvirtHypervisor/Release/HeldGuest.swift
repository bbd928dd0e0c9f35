internal import Hypervisor
internal import Support

/// A guest's processors and file systems during its release: what was stopped is resumed.
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
    /// - Returns: why it could not be thawed; then the hold still says that its thaw is pending.
    func thaw(_ hold: inout Hold, _ state: DomainState) async throws -> (any Error)? {
        guard hold.owesThaw else { return nil }
        if let domain, state.isActive {
            do {
                try await GuestThaw(settings, machineID: domain.uuid()).ask()
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
    /// Pauses the guest while `body` runs, and resumes it however that ends; if we are killed meanwhile, the
    /// hold says so.
    /// - Returns: for how long it stood still, on the host's clock.
    func paused(_ hold: inout Hold, _ body: (inout Hold) async throws -> Void) async throws -> Duration {
        guard let domain else { throw CancellationError() }
        hold.pausedByUs = true
        try await record(hold)
        let start = ContinuousClock.now
        let limit = Self.longestPause
        let result: Result<Void, any Error>
        switch await act("pausing the guest", within: limit, { try domain.suspend() }) {
        case .ended(.success):
            do {
                result = .success(try await body(&hold))
            } catch {
                result = .failure(error)
            }
        case .ended(.failure(let error)): result = .failure(error)
        case .givenUp(let call):
            // It may stop the guest yet. The hold says so until libvirt is seen to be done with it.
            _ = await call.result(within: limit)
            result = .failure(call.timeOut(after: limit))
        }
        try await goOn(&hold)
        let length = start.duration(to: .now)
        try result.get()
        return length
    }

    /// Ends a pause of ours.
    /// - Throws: HypervisorError `.changed` as long as a pause may still come; the hold says so still.
    func goOn(_ hold: inout Hold) async throws {
        var looks = 0
        for attempt in 1... {
            do {
                if try await resume(if: .paused) { break }
                // One reading may fall between two steps of a call that is running.
                looks = try await isOccupied() ? 0 : looks + 1
                if looks == 2 { break }
            } catch  where attempt < 3 {
                looks = 0
            }
            guard attempt < 10 else {
                throw HypervisorError(
                    .changed, "libvirt is still at work on the domain, and may pause it", remedy: .retry)
            }
            try? await Task.sleep(for: .milliseconds(attempt == 1 ? 20 : 300))
        }
        hold.pausedByUs = false
        try await record(hold)
    }

    private func isOccupied() async throws -> Bool {
        guard let domain else { return false }
        return try await blocking("asking whether libvirt is at work on the domain", within: .seconds(30)) {
            try domain.isBusy()
        }
    }

    /// Resumes a guest that QEMU paused when the storage of its overlays was full: its own disks have room.
    func goOnAfterFailedWrite() async throws -> [String] {
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
