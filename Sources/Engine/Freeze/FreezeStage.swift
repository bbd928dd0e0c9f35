internal import Glibc
internal import Hypervisor
package import Logging
package import RunState
internal import Support
internal import ZFS

/// Freezes every VM of a plan, all at once but no more than `maxParallel`.
package struct FreezeStage: Sendable {
    package let plan: [PlannedVM]
    package let journal: Journal
    package let maxParallel: Int
    package let deadline: ContinuousClock.Instant?
    /// Why a VM cannot be touched: another run has it.
    package let busy: [VMKey: BusyVM]
    package let definitions: DefinitionSaver
    package let ramBudget: RAMSpaceBudget
    package let log: Logger

    package init(
        plan: [PlannedVM], journal: Journal, maxParallel: Int, deadline: ContinuousClock.Instant?,
        busy: [VMKey: BusyVM], definitions: DefinitionSaver, ramBudget: RAMSpaceBudget, log: Logger
    ) {
        self.plan = plan
        self.journal = journal
        self.maxParallel = maxParallel
        self.deadline = deadline
        self.busy = busy
        self.definitions = definitions
        self.ramBudget = ramBudget
        self.log = log
    }

    /// Freezes; what each VM got is in the journal.
    /// - Throws: StateError when the journal cannot be written; then all must be released.
    package func run() async throws {
        await definitions.removeStale(plan, before: deadline)
        let run = await journal.run.id
        let budget = SavingBudget(until: deadline)
        let places = Dictionary(grouping: plan.indices, by: { plan[$0].hypervisor.name })
        try await inParallel(places.values, limit: places.count) { indices in
            let limit = plan[indices[0]].hypervisor.maxParallel ?? maxParallel
            try await inParallel(indices, limit: limit) { try await freezeOne($0, run: run, budget) }
        }
        try await journal.record { run in
            run.phase = .frozen
            run.frozenAt = Int64(time(nil))
        }
    }

    private func freezeOne(_ index: Int, run: RunID, _ budget: SavingBudget) async throws {
        let planned = plan[index]
        let lastGood = { definitions.catalogue.lastGood(planned.key) }
        if let staleness = Staleness(planned, busy[planned.key], lastGood: lastGood) {
            return try await journal.record(machine: index) { record in
                record.phase = .failed
                record.consistency = .stale
                record.staleSince = staleness.since
                record.notes.append(staleness.reason)
            }
        }
        // The definition of a VM on another run's overlays would name those; that run has kept it.
        if busy[planned.key] == nil {
            let keeping = await definitions.save(planned, run: run, within: budget)
            await journal.note(machine: index) { $0.kept = keeping.id }
            if let problem = keeping.problem {
                if keeping.isForeign { log.warning("\(printable(planned.machine.name)): \(problem)") }
                try await journal.record(machine: index) { $0.notes.append(problem) }
            }
        }
        // Its overlays are elsewhere, over a base that nobody writes: there is nothing to freeze, and nothing to be
        // blamed for. When another run holds it, it is on that run's overlay, and the strategies say so.
        if planned.disks.isEmpty, busy[planned.key] == nil {
            return try await journal.record(machine: index) { record in
                record.phase = .frozen
                record.consistency = .crash
            }
        }
        // One that another run or a restore works on is not at rest though it is off.
        guard !planned.machine.power.isAtRest || planned.disks.isEmpty || busy[planned.key] != nil else {
            return try await noteRest(index)
        }
        for strategy in planned.strategies {
            if strategy == .crashConsistent {
                return try await journal.record(machine: index) { record in
                    record.phase = .frozen
                    record.strategy = strategy
                    record.consistency = .crash
                }
            }
            guard await journal.run.machines[index].freezeState == nil else {
                let reason = "an earlier freeze of it is not undone yet"
                try await journal.record(machine: index) {
                    $0.fallbacks.append(.init(strategy: strategy, reason: reason))
                }
                continue
            }
            do {
                try await freezeRepeatedly(index, with: strategy, run: run)
                return
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
    }

    private func noteRest(_ index: Int) async throws {
        let planned = plan[index]
        let user = plan.runningUser(of: planned.disks)
        // Of a server's datastores no path is known.
        let isHere = planned.disks.allSatisfy { $0.datasets == nil }
        let disks = isHere ? await DiskAtRest.read(planned.disks) : nil
        try await journal.record(machine: index) { record in
            record.phase = .frozen
            record.consistency = user == nil ? .off : .crash
            record.disksAtRest = disks
            if let user { record.notes.append("it is off, but \(user.machine.name), which runs, has its disk too") }
        }
    }

    func carryOut(_ index: Int, with strategy: Strategy, run: RunID) async throws {
        let planned = plan[index]
        if let reason = obstacle(to: planned) {
            throw HypervisorError(.notQuiesced, reason, remedy: .fallBack)
        }
        // Where the overlays are this host's, so are the dumps; a server has room of its own.
        let needsRoom = strategy == .memory && planned.hypervisor.overlayDirectory != nil
        if needsRoom { try await ramBudget.reserve(planned.machine.memory) }
        try await journal.record(machine: index) { $0.phase = .freezing }
        let request = FreezeRequest(
            machine: planned.machine, disks: planned.disks, strategy: strategy, run: run.text, deadline: deadline,
            dataset: planned.datasets.sorted().first?.rawValue ?? "")
        let result: FreezeResult
        do {
            result = try await planned.hypervisor.freeze(request, record: recorder(index))
        } catch {
            if needsRoom { await ramBudget.giveBack(planned.machine.memory) }
            throw error
        }
        try await journal.record(machine: index) { record in
            record.phase = .frozen
            record.strategy = strategy
            record.consistency = result.consistency
            record.frozenFileSystems = result.frozenFileSystems
            record.listedFileSystems = result.listedFileSystems
            record.frozenMilliseconds = result.frozenFor.milliseconds
            record.ramDump = result.ramDump
            record.pausedMilliseconds = result.pausedFor?.milliseconds
            record.notes += result.notes
        }
    }

    private func obstacle(to planned: PlannedVM) -> String? {
        if let reason = busy[planned.key]?.reason { return reason }
        if planned.machine.power == .paused { return "the VM is paused" }
        if planned.disks.isEmpty { return "none of its disks writes to the snapshotted datasets" }
        if let deadline, deadline <= .now { return "the manager's deadline has passed" }
        return nil
    }

    /// Notes why a strategy failed; what it left behind is released before the next one is tried.
    private func recordFallback(_ index: Int, from strategy: Strategy, because error: any Error) async throws {
        let planned = plan[index]
        try await journal.record(machine: index) { record in
            record.fallbacks.append(VMRecord.Fallback(strategy: strategy, reason: "\(error)"))
        }
        guard let freezeState = await journal.run.machines[index].freezeState else { return }
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
