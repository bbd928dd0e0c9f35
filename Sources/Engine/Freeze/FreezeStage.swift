internal import Glibc
package import Hypervisor
package import Logging
package import RunState
internal import Support
internal import Synchronization
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
    package let settings: SharedHypervisorSettings
    /// Without one, no guest is left standing still.
    package let hasWatchdog: Bool
    package let log: Logger

    package init(
        plan: [PlannedVM], journal: Journal, maxParallel: Int, deadline: ContinuousClock.Instant?,
        busy: [VMKey: BusyVM], definitions: DefinitionSaver, ramBudget: RAMSpaceBudget,
        settings: SharedHypervisorSettings, hasWatchdog: Bool, log: Logger
    ) {
        self.plan = plan
        self.journal = journal
        self.maxParallel = maxParallel
        self.deadline = deadline
        self.busy = busy
        self.definitions = definitions
        self.ramBudget = ramBudget
        self.settings = settings
        self.hasWatchdog = hasWatchdog
        self.log = log
    }

    /// Freezes; what each VM got is in the journal.
    /// - Parameter beforeStopping: what else is to be done first, where guests will stand still until the snapshot is taken.
    /// - Throws: StateError when the journal cannot be written; then all must be released.
    package func run(beforeStopping: @Sendable () async -> Void = {}) async throws {
        await definitions.removeStale(plan, before: deadline)
        let run = await journal.run.id
        let budget = SavingBudget(until: deadline)
        let waiting = Mutex<[Int: Int]>([:])
        try await forEach(Array(plan.indices)) { index in
            guard try await !isSettled(index, run: run, budget) else { return }
            let next = try await tryStrategies(index, from: 0, turn: 0, run: run)
            if let next { waiting.withLock { $0[index] = next } }
        }
        for turn in 1...Strategy.lastTurn {
            let now = waiting.withLock { $0 }.filter { plan[$0.key].strategies[$0.value].turn <= turn }
            guard !now.isEmpty else { continue }
            if turn == Strategy.lastTurn { await beforeStopping() }
            let telling = turn == Strategy.lastTurn ? Task { await tellWatchdog() } : nil
            defer { telling?.cancel() }
            try await forEach(now.keys.sorted()) { index in
                let next = try await tryStrategies(index, from: now[index] ?? 0, turn: turn, run: run)
                waiting.withLock { $0[index] = next }
            }
        }
        try await journal.record { run in
            run.phase = .frozen
            run.frozenAt = Int64(time(nil))
        }
    }

    /// Writes which guests stand still already, when others take long to: they are not let wait for those beyond `freeze_limit`.
    /// The usual run has ended before that and pays for no further write.
    private func tellWatchdog() async {
        while (try? await Task.sleep(for: .seconds(1))) != nil {
            guard await journal.run.machines.contains(where: { $0.freezeState?.standsStill == true }) else { continue }
            // What is wrong with the disk is said by whoever waits for it.
            try? await journal.record { _ in }
        }
    }

    /// VMs at once, no more of a hypervisor's than it allows.
    private func forEach(_ indices: [Int], _ body: @escaping @Sendable (Int) async throws -> Void) async throws {
        let places = Dictionary(grouping: indices, by: { plan[$0].hypervisor.name })
        try await inParallel(places.values, limit: places.count) { indices in
            let limit = plan[indices[0]].hypervisor.maxParallel ?? maxParallel
            try await inParallel(indices, limit: limit, body)
        }
    }

    /// Keeps the VM's definition, and settles what it gets where no strategy needs to be tried for that.
    private func isSettled(_ index: Int, run: RunID, _ budget: SavingBudget) async throws -> Bool {
        let planned = plan[index]
        let lastGood = { definitions.catalogue.lastGood(planned.key) }
        if let staleness = Staleness(planned, busy[planned.key], lastGood: lastGood) {
            try await journal.record(machine: index) { record in
                record.phase = .failed
                record.consistency = .stale
                record.staleSince = staleness.since
                record.notes.append(staleness.reason)
            }
            return true
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
            try await journal.record(machine: index) { record in
                record.phase = .frozen
                record.consistency = .crash
            }
            return true
        }
        // One that another run or a restore works on is not at rest though it is off.
        guard !planned.machine.power.isAtRest || planned.disks.isEmpty || busy[planned.key] != nil else {
            try await noteRest(index)
            return true
        }
        return false
    }

    /// Tries strategy after strategy.
    /// - Parameters:
    ///   - first: where in the VM's list to begin.
    ///   - turn: those of later turns are left for them.
    /// - Returns: where to go on in a later turn; nil: the VM is settled.
    private func tryStrategies(_ index: Int, from first: Int, turn: Int, run: RunID) async throws -> Int? {
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
                    $0.fallbacks.append(.init(strategy: strategy, reason: reason))
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
        if let reason = obstacle(to: planned, strategy) {
            throw HypervisorError(.notQuiesced, reason, remedy: .fallBack)
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
            let result = FreezeResult(consistency: .crash, notes: ["it was paused already, and stays so"])
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

    private func obstacle(to planned: PlannedVM, _ strategy: Strategy) -> String? {
        if let reason = busy[planned.key]?.reason { return reason }
        if planned.machine.power == .paused, strategy != .pause { return "the VM is paused" }
        if !strategy.movesDisks, !hasWatchdog { return "the run has no watchdog, so its guests are not left standing" }
        if planned.disks.isEmpty { return "none of its disks writes to the snapshotted datasets" }
        if let deadline, deadline <= .now { return "the manager's deadline has passed" }
        return strategy == .shutdown ? lackOfTime : nil
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
            record.fallbacks.append(VMRecord.Fallback(strategy: strategy, reason: "\(error)"))
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
    }
}
