internal import Hypervisor
internal import Support

/// The `freeze` of one domain: its agent freezes the file systems, and they stay so.
struct AgentFreeze: Sendable {
    let domain: Domain
    let description: DomainDescription
    let request: FreezeRequest
    let settings: HypervisorSettings

    /// - Throws: as ``FileSystemFreezing/freezeFileSystems(_:)``.
    func run() async throws -> FreezeResult {
        let agent = GuestAgent(
            domain: domain, description: description, name: request.machine.name,
            timeout: FreezeTimes(settings, until: request.deadline).question)
        try agent.requireChannel()
        let selection = try await agent.selection(of: request.disks)
        let times = FreezeTimes(settings, until: request.deadline, isWindows: selection.isWindows)
        let start = ContinuousClock.now
        let outcome = await act("freezing \(request.machine.name)", within: times.freeze + .seconds(1)) {
            try domain.setAgentTimeout(times.freeze)
            return try domain.freezeFileSystems(selection.mountPoints)
        }
        let preparation = start.duration(to: .now)
        switch outcome {
        case .ended(.success(let count)):
            guard count > 0 else {
                throw HypervisorError.notQuiesced("the guest agent froze no file system", .freezeFailed)
            }
            if let shortfall = selection.shortfall(frozen: count) {
                throw await undone(HypervisorError.notQuiesced(shortfall, .partlyFrozen), isOver: true)
            }
            var result = FreezeResult(
                consistency: .quiesced, frozenFileSystems: count, listedFileSystems: selection.freezable?.count)
            if preparation > settings.agentTimeout {
                result.notes.append("the guest took \(preparation.text) to prepare its freeze")
            }
            return result
        case .ended(.failure(let error as LibvirtError)) where error.isRefusedByAgent:
            // Somebody else's freeze is not ours to end.
            throw HypervisorError.refused(error)
        case .ended(.failure(let error)):
            throw await undone(HypervisorError.freezeFailed(error), isOver: true)
        case .givenUp(let call):
            let reason = HypervisorError.notQuiesced(
                "the guest did not freeze within \(times.freeze.text)", .agentSilent)
            throw await undone(reason, isOver: false, call)
        }
    }

    /// Asks for a thaw until the guest confirms one.
    /// - Parameter isOver: the request to freeze was answered; else `call` is still under way.
    /// - Returns: `reason`; with `.stop` where the guest may be frozen all the same.
    private func undone(
        _ reason: HypervisorError, isOver: Bool, _ call: AbandonedCall<Int>? = nil
    ) async -> HypervisorError {
        let thaw = GuestThaw(settings, machineID: request.machine.id)
        let isThawed = await thaw.repeatedly(for: settings.freezeLimit, before: request.deadline) != nil
        var isSettled = isOver
        if let call, await call.result(within: .zero) != nil { isSettled = true }
        guard !(isThawed && isSettled) else { return reason }
        return HypervisorError(
            reason.code, "\(reason); it may be frozen, and is asked to thaw until it has", remedy: .stop,
            reason: reason.reason)
    }
}
