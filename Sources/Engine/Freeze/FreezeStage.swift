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
                if let first = planned.strategies.first {
                    record.fallbacks = [.init(strategy: first, reason: staleness.reason, code: .stale)]
                }
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
}
