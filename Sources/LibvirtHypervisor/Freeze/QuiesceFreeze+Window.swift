internal import Hypervisor
internal import Support

extension QuiesceFreeze {
    func times(of selection: FreezeSelection) -> FreezeTimes {
        FreezeTimes(settings, until: request.deadline, isWindows: selection.isWindows)
    }

    func passWindow(_ freezeState: FreezeState, _ selection: FreezeSelection) async throws -> FreezeWindow {
        let document = snapshotDocument(name: freezeState.snapshot, held: freezeState.disks, of: description)
        let times = times(of: selection)
        let fence = FreezeWindowFence()
        let outcome = await waited(times, fence) {
            FreezeWindow.pass(
                domain, mountPoints: selection.mountPoints, snapshot: document, fence: fence, times: times)
        }
        guard case .givenUp(let call) = outcome else {
            guard case .ended(let window) = outcome else { throw CancellationError() }
            return try window.get()
        }
        // From here on a thaw is asked for over another connection, and this one is lent to nobody again.
        let cannotMove = fence.close()
        var left = freezeState
        let isThawed = await thawAgain() != nil
        // A freeze that was never sent for as long as the call hangs may come yet; its own thread thaws it then, or the
        // watchdog.
        let isOver = await call.result(within: .zero) != nil
        left.isThawPending = !(isThawed && isOver)
        guard cannotMove else {
            // libvirt may move the disks yet, or has: whoever releases finds out.
            try await record(left)
            throw call.timeOut(after: times.thaw + settings.freezeLimit)
        }
        let limit = times.freeze + settings.freezeLimit
        try await context.giveUp(
            left,
            because: HypervisorError.notQuiesced(
                "the guest did not freeze within \(limit.text), and its disks stay where they are", .agentSilent),
            isFenced: true)
    }

    /// A guest may prepare for long; once it is frozen, it is not waited for as long as that.
    private func waited(
        _ times: FreezeTimes, _ fence: FreezeWindowFence, _ window: @escaping @Sendable () throws -> FreezeWindow
    ) async -> CallOutcome<FreezeWindow> {
        let clock = ContinuousClock()
        let prepared = clock.now + times.freeze + settings.freezeLimit
        let limit = times.thaw + settings.freezeLimit
        var outcome = await act("freezing \(request.machine.name)", within: limit, window)
        while case .givenUp(let call) = outcome {
            let left = clock.now.duration(to: fence.passedAt.map { $0 + limit } ?? prepared)
            guard left > .zero else { break }
            if let result = await call.result(within: min(left, .milliseconds(500))) { outcome = .ended(result) }
        }
        return outcome
    }

    /// What is still pending when the time is over is in the journal, and the watchdog and post ask again.
    /// - Returns: how many file systems the guest says it thawed; nil: it confirmed none.
    func thawAgain() async -> Int? {
        let thaw = GuestThaw(uri: settings.uri, machineID: request.machine.id, agentTimeout: agent.timeout)
        return await thaw.repeatedly(for: settings.freezeLimit, before: request.deadline)
    }
}
