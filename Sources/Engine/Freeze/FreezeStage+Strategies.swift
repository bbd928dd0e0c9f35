internal import Hypervisor
internal import Logging
internal import RunState
internal import Support
internal import ZFS

/// One VM: strategy after strategy, until one has been carried out.
extension FreezeStage {
    /// Tries strategy after strategy.
    /// - Parameters:
    ///   - first: where in the VM's list to begin.
    ///   - turn: those of later turns are left for them.
    /// - Returns: where to go on in a later turn; nil: the VM is settled.
    func tryStrategies(_ index: Int, from first: Int, turn: Int, run: RunID) async throws -> Int? {
        let planned = plan[index]
        for (position, strategy) in planned.strategies.enumerated().dropFirst(first) {
            if strategy.turn > turn { return position }
            if strategy == .crashConsistent {
                try await journal.record(machine: index) { record in
                    record.phase = .frozen
                    record.strategy = strategy
                    record.consistency = .crash
                }
                return nil
            }
            guard await journal.run.machines[index].freezeState == nil else {
                let reason = "an earlier freeze of it is not undone yet"
                try await journal.record(machine: index) {
                    $0.fallbacks.append(.init(strategy: strategy, reason: reason, code: .vmBusy))
                }
                continue
            }
            do {
                try await freezeRepeatedly(index, with: strategy, run: run)
                return nil
            } catch let error as StateError {
                throw error
            } catch {
                log.debug("\(planned.machine.name): \(strategy.rawValue): \(error)")
                try await recordFallback(index, from: strategy, because: error)
            }
        }
        try await journal.record(machine: index) { record in
            record.phase = .failed
            record.consistency = .crash
        }
        return nil
    }

    func carryOut(_ index: Int, with strategy: Strategy, run: RunID) async throws {
        let planned = plan[index]
        if let obstacle = obstacle(to: planned, strategy) {
            throw HypervisorError(obstacle)
        }
        // Where the overlays are this host's, so are the dumps; a server has room of its own.
        let needsRoom = strategy == .memory && planned.hypervisor.overlayDirectory != nil
        if needsRoom { try await ramBudget.reserve(planned.machine.memory) }
        try await journal.record(machine: index) { $0.phase = .freezing }
        let request = FreezeRequest(
            machine: planned.machine, disks: planned.disks, strategy: strategy, run: run.text, deadline: deadline,
            dataset: planned.datasets.sorted().first?.rawValue ?? "")
        guard strategy.movesDisks else { return try await freezeOnOwnDisks(index, request) }
        let result: FreezeResult
        do {
            result = try await planned.hypervisor.freeze(request, record: recorder(index))
        } catch {
            if needsRoom { await ramBudget.giveBack(planned.machine.memory) }
            throw error
        }
        try await journal.record(machine: index) { $0.note(result, strategy) }
    }

    /// By a strategy that leaves the VM on its own disks.
    private func freezeOnOwnDisks(_ index: Int, _ request: FreezeRequest) async throws {
        let planned = plan[index]
        guard planned.machine.power != .paused else {
            let result = FreezeResult(
                consistency: .crash, notes: ["it was paused already, and stays so"], reason: .vmPaused)
            return try await journal.record(machine: index) { $0.note(result, request.strategy) }
        }
        let (result, state) = try await stopped(index, request)
        let disks = request.strategy == .shutdown ? await DiskAtRest.read(planned.disks) : nil
        // Durable with the next record: until then the file says what was begun, and a release undoes that as well.
        await journal.note(machine: index) { record in
            record.note(result, request.strategy)
            record.freezeState = state
            record.disksAtRest = disks
        }
    }

    private func stopped(_ index: Int, _ request: FreezeRequest) async throws -> (FreezeResult, FreezeState) {
        guard case .exec(let path) = request.strategy else {
            return try await OwnDiskFreeze(
                hypervisor: plan[index].hypervisor, request: request, settings: settings, record: recorder(index)
            ).run()
        }
        let run = await journal.run
        let machine = ExecRequest.Machine(run.machines[index], disks: request.disks)
        return try await ExecFreeze(
            program: ExecProgram(path: path, log: log), subject: ExecRequest.Subject(run, machine),
            timeout: settings.freezeTimeout
        ).freeze(before: deadline, record: recorder(index))
    }

    private func obstacle(to planned: PlannedVM, _ strategy: Strategy) -> StrategyObstacle? {
        if let reason = busy[planned.key]?.reason { return StrategyObstacle(.vmBusy, reason) }
        if !strategy.movesDisks, !hasWatchdog {
            return StrategyObstacle(.noWatchdog, "the run has no watchdog, so its guests are not left standing")
        }
        if let obstacle = planned.obstacle(to: strategy) { return obstacle }
        if let deadline, deadline <= .now { return StrategyObstacle(.noTime, "the manager's deadline has passed") }
        return strategy == .shutdown ? lackOfTime.map { StrategyObstacle(.noTime, $0) } : nil
    }

    /// A guest that goes off when the snapshot has been taken was stopped for nothing.
    private var lackOfTime: String? {
        guard let deadline else { return nil }
        let left = ContinuousClock.now.duration(to: deadline)
        guard left < settings.shutdownTimeout / 2 else { return nil }
        return "the manager waits for \(left.text) only, and the guest may take \(settings.shutdownTimeout.text) "
            + "(sanoid's script_timeout, shutdown_timeout)"
    }

    /// Notes why a strategy failed; what it left behind is released before the next one is tried.
    private func recordFallback(_ index: Int, from strategy: Strategy, because error: any Error) async throws {
        let planned = plan[index]
        try await journal.record(machine: index) { record in
            record.fallbacks.append(
                VMRecord.Fallback(
                    strategy: strategy, reason: "\(error)", code: (error as? HypervisorError)?.reason ?? .callFailed))
        }
        guard let freezeState = await journal.run.machines[index].freezeState else { return }
        // Recorded still, so it may be frozen, paused or on its way to be off, whatever went wrong: post-snapshot and the
        // watchdog undo that, when it has come.
        guard freezeState.strategy == nil else { return }
        // A call of ours that may still be carried out cannot be undone before it is: that nothing is found now means
        // nothing. Nor is a thaw asked for once more, after it was for as long as there was time; post and the watchdog
        // do that.
        let mayStillHappen = (error as? HypervisorError)?.remedy == .stop && freezeState.step != .held
        let isUnderWay = freezeState.isThawPending || mayStillHappen
        guard !isUnderWay else { return }
        do {
            try await planned.hypervisor.release(
                ReleaseRequest(machineID: planned.machine.id, freezeState: freezeState), record: recorder(index))
        } catch let problem as StateError {
            throw problem
        } catch {
            // Post will try again: the freeze state stays in the journal.
            log.error("\(planned.machine.name): not released after a failed freeze: \(error)")
        }
    }

    private func recorder(_ index: Int) -> RecordFreezeState {
        { [journal] freezeState in try await journal.record(machine: index) { $0.freezeState = freezeState } }
    }
}

extension VMRecord {
    fileprivate mutating func note(_ result: FreezeResult, _ strategy: Strategy) {
        phase = .frozen
        self.strategy = strategy
        consistency = result.consistency
        if strategy.movesDisks || strategy == .freeze {
            frozenFileSystems = result.frozenFileSystems
            listedFileSystems = result.listedFileSystems
            frozenMilliseconds = result.frozenFor.milliseconds
        }
        ramDump = result.ramDump
        pausedMilliseconds = result.pausedFor?.milliseconds
        notes += result.notes
        loweredBy = result.reason
    }
}
