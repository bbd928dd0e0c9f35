internal import Configuration
internal import DiskLocation
internal import Engine
internal import Hypervisor
internal import Logging
internal import RunState
internal import SnapshotManagers
internal import Support
internal import ZFS

/// pre-snapshot: freezes the VMs that have a disk on what is about to be snapshotted.
///
/// The steps stand in the order in which they are taken: invocation, plan, recovery of stale runs, claim, watchdog, freeze,
/// conclusion.
struct PreSnapshot: Sendable {
    let context: ProgramContext
    let invocation: Invocation
    let configuration: Configuration

    /// A call that is configured to freeze nothing ends here, before a thread is started or a hypervisor is asked; one that
    /// concerns no VM, when the hypervisors have said so.
    /// - Throws: what `ExitCode.init(of:phase:)` makes an exit code of.
    func run() throws -> ExitCode {
        // As long as it is not known how long the manager waits, and what it has read says no more.
        var telling: ContinuousClock.Instant? = .now + .milliseconds(300)
        do {
            guard let call = try readInvocation() else { return .done }
            telling = call.timeout?.telling
            return try MainLoop().run { try await freezeInTime(call, UnfinishedFreeze()) }
        } catch {
            MainLoop().run { [telling] in await tell(of: error, before: telling) }
            throw error
        }
    }

    /// A manager that waits no longer must not be kept waiting by what hangs: that is left behind.
    func freezeInTime(_ call: Call, _ unfinished: UnfinishedFreeze) async throws -> ExitCode {
        let code = try await tryWithDeadline(call.timeout?.exit) {
            try await Hypervisors(configuration, context).closeAfter {
                if context.user.id != 0 { try await requireRights(call, $0) }
                try await requireExistence(of: call.unknownTargets)
                return try await takeSteps(call, $0, unfinished)
            }
        }
        if let code { return code }
        let left = await unfinished.leave(context.log, abortsWithoutVMs: call.abortsWithoutVMs)
        if !unfinished.hasRun { await tellLateness(before: call.timeout?.telling) }
        return left
    }

    private func takeSteps(
        _ call: Call, _ hypervisors: Hypervisors, _ unfinished: UnfinishedFreeze
    ) async throws -> ExitCode {
        let claim = RunClaim(
            directory: StateDirectory(configuration.stateDirectory), invocation: invocation, scope: call.scope,
            deadline: call.timeout?.work, maxHold: configuration.maxHold, log: context.log)
        let found = try await discoverVMs(call, claim, hypervisors)
        if found.plan.isEmpty { explainNothing(found.below, call) }
        if invocation.isDryRun { return try await describe(found, call) }
        guard !found.plan.isEmpty else {
            await tellAnswers(found, startingSender: true)
            return .done
        }
        return try await withTaskExecutorPreference(globalConcurrentExecutor) {
            let isRecovered = await recoverStaleRuns(of: found.plan, call)
            let present = isRecovered ? try await discoverVMs(call, claim, hypervisors) : found
            guard let run = try await claimRun(claim, for: present, call, hypervisors) else {
                await tellAnswers(found, startingSender: true)
                return .done
            }
            unfinished.begin(run)
            let hasWatchdog = await startWatchdog(of: run)
            // Beside the freeze, whose guests wait for the snapshot already. What takes the snapshot itself has looked before.
            let shortages = Task { invocation.manager == .stillpoint ? [] : await foreseenShortages(call.scope) }
            let existing = Task { await noteExistingSnapshots(run.journal) }
            // Whoever tells of the run starts the sender.
            let answers = Task { await tellAnswers(found, startingSender: false) }
            let isFrozen = await freeze(run, call, try await hypervisors.enabled(), hasWatchdog) {
                _ = await (shortages.value, existing.value, answers.value)
            }
            _ = await (existing.value, answers.value)
            let code = await conclude(run, isFrozen: isFrozen, hypervisors, unfinished)
            if code == .done { await awaitNextSecond(run.journal, call) }
            for shortage in await shortages.value { context.log.warning("\(shortage)") }
            return code
        }
    }

    // MARK: invocation

    /// What this call is about, as far as that is known without a hypervisor.
    struct Call: Sendable {
        let planner: Planner
        /// Neither mounted nor a volume: they may be there all the same.
        let unknownTargets: [DatasetName]
        let timeout: HookTimeout?
        /// Where nothing is known of the VMs, there should be no snapshot.
        let abortsWithoutVMs: Bool

        var scope: Scope { planner.scope }
    }

    /// - Returns: nil where there is nothing to do.
    func readInvocation() throws -> Call? {
        var known: SanoidConfiguration?
        func sanoid() throws -> SanoidConfiguration {
            let read =
                try known
                ?? .ofCaller(invocation, otherwise: configuration.sanoidDirectory, proc: context.roots.proc)
            known = read
            return read
        }
        let types = invocation.types
        // A dry run says of each VM why it is left out.
        let isBrief = !invocation.isDryRun
        if isBrief, configuration.ignoresAll(types: types) { return nil }
        let scope = try Scope(invocation, configuration, sanoid: sanoid)
        // A recursive target's children are yet to be found, and may have strategies of their own.
        if isBrief, scope.recursiveTargets.isEmpty, configuration.ignores(scope.targets, types: types) { return nil }
        let limit = try HookTimeout.limit(of: invocation, sanoid)
        let planner = Planner(
            scope: scope, storage: try StorageMap(roots: context.roots), configuration: configuration, types: types)
        let unknown = scope.targets.filter { !planner.storage.isKnown($0) }
        if isBrief, unknown.isEmpty, !planner.mayConcernMachines { return nil }
        return Call(
            planner: planner, unknownTargets: unknown,
            timeout: limit.map { HookTimeout.left(of: $0, invocation.manager, proc: context.roots.proc) },
            abortsWithoutVMs: scope.targets.contains { configuration.policy(for: $0, types: types).onFailure == .abort }
        )
    }

    /// A dataset that is neither mounted nor a volume may be there all the same, so ZFS is asked; this is rare.
    private func requireExistence(of targets: [DatasetName]) async throws {
        for target in targets {
            guard try await context.zfs.exists(target.rawValue) else { throw UnknownDatasetError(dataset: target) }
        }
    }

    // MARK: recovery of stale runs

    /// What a killed hook, or a host that was switched off, has left of these VMs comes first.
    /// - Returns: whether there was any, so that the VMs must be discovered anew.
    private func recoverStaleRuns(of plan: [PlannedVM], _ call: Call) async -> Bool {
        let recovery = Recovery(
            context: context, configuration: configuration, configurationPath: invocation.configurationPath)
        // It continues in the background when the manager's time gets short; what it does not finish then is finished
        // by the next one.
        let end = call.timeout.map { RunClaim.endOfWaiting(before: $0.work) }
        return await withDeadline(end) { await recovery.recover(concerning: plan) } ?? true
    }

    // MARK: claim

    /// Opens the run. A VM of another run is waited for; it is on other disks then, and is discovered anew.
    /// - Returns: nil where no VM is left.
    private func claimRun(
        _ claim: RunClaim, for first: Discovery, _ call: Call, _ hypervisors: Hypervisors
    ) async throws -> ClaimedRun? {
        var found = first
        while !found.plan.isEmpty {
            try await checkWorkFolders(found.plan, call)
            if let run = try claim.open(for: found.plan, busyBefore: found.busy) { return run }
            try await claim.wait(for: found.plan)
            found = try await discoverVMs(call, claim, hypervisors)
        }
        return nil
    }

    // MARK: watchdog

    /// Before anything is touched, so that it is there also when this process is killed.
    /// - Returns: false where one could not be started.
    private func startWatchdog(of run: ClaimedRun) async -> Bool {
        guard run.plan.contains(where: \.mayBeHeld), context.executable != nil else { return true }
        let id = await run.journal.run.id
        do {
            try Watchdog.start(
                id, in: StateDirectory(configuration.stateDirectory),
                manager: ManagerProcess.find(invocation.manager, proc: context.roots.proc), context,
                configurationPath: invocation.configurationPath)
            return true
        } catch {
            context.log.error("the run \(id) has no watchdog (\(error)): post-snapshot must come")
            return false
        }
    }

    // MARK: freeze

    /// - Returns: false where the journal could not be written; then all must be released.
    private func freeze(
        _ run: ClaimedRun, _ call: Call, _ hypervisors: [any Hypervisor], _ hasWatchdog: Bool,
        beforeStopping: @Sendable () async -> Void
    ) async -> Bool {
        // What was saved of VMs that are not there any more is removed only where every hypervisor can be asked.
        let asked = hypervisors.count == configuration.hypervisors.count ? hypervisors : []
        let definitions = DefinitionSaver(
            storage: call.planner.storage, catalogue: Catalogue(StateDirectory(configuration.stateDirectory)),
            hypervisors: asked)
        let stage = FreezeStage(
            plan: run.plan, journal: run.journal, maxParallel: configuration.maxParallel, deadline: call.timeout?.work,
            busy: run.busy, definitions: definitions, ramBudget: RAMSpaceBudget(directory: configuration.ramDirectory),
            settings: configuration.shared, hasWatchdog: hasWatchdog, log: context.log)
        do {
            try await stage.run(beforeStopping: beforeStopping)
            return true
        } catch {
            context.log.error("\(error)")
            return false
        }
    }

    // MARK: conclusion

    /// Says what did not get what it should; releases all where that makes the snapshot worthless.
    private func conclude(_ run: ClaimedRun, isFrozen: Bool, _ hypervisors: Hypervisors, _ unfinished: UnfinishedFreeze)
        async -> ExitCode
    {
        guard isFrozen else {
            return await undo(run, "the run's state could not be written", hypervisors, unfinished)
        }
        let machines = await run.journal.run.machines
        for record in machines where record.consistency == .crash || record.consistency == .stale {
            // By `pause`, or where no more is configured, it got what it was to get.
            let isAsWanted = record.isPaused || record.isCrashConsistentAsConfigured
            let level: Logger.Level = record.consistency == .stale ? .error : isAsWanted ? .info : .warning
            context.log.log(level: level, "\(record.reportLine)")
        }
        let failed = zip(run.plan, machines).filter { $0.onFailure == .abort && $1.phase == .failed }.map(\.1.name)
        guard !failed.isEmpty else { return .done }
        context.log.error("on_failure = abort: all VMs are released, there is nothing to snapshot consistently")
        let names = shortList(failed.map { printable($0, limit: 100) })
        return await undo(run, "on_failure = abort, because of \(names)", hypervisors, unfinished)
    }

    /// Releases everything and closes the run.
    /// - Parameter why: in words.
    private func undo(
        _ run: ClaimedRun, _ why: String, _ hypervisors: Hypervisors, _ unfinished: UnfinishedFreeze
    ) async -> ExitCode {
        unfinished.beginUndoing()
        let journal = run.journal
        let told = ["all was undone: \(why)", invocation.manager.afterUndoing]
        await journal.change { $0.noteUndoing(because: why) }
        let stage = ReleaseStage(
            journal: journal, hypervisors: hypervisors, configuration: configuration, log: context.log)
        let isReleased = await stage.run(await stage.begin())
        var (code, problems): (ExitCode, [String]) = (isReleased ? .failed : .needsRecovery, told)
        if isReleased {
            do {
                try await closeUndone(journal)
            } catch {
                context.log.error("\(error)")
                code = .needsRecovery
                problems.append("\(error)")
            }
        }
        // Last: what hangs there leaves nothing to the watchdog.
        let undone = await journal.run
        await RunHistory(StateDirectory(configuration.stateDirectory)).remember(
            undone, isReleased ? .undone : .open, log: context.log)
        await notice.tell(undone, code == .failed ? .undone : .open, problems)
        return code
    }

    private func closeUndone(_ journal: Journal) async throws {
        // There is no snapshot that they could belong to.
        for dump in await journal.run.machines.compactMap(\.ramDump) { try removeFile(at: dump.path) }
        try await journal.close()
        Catalogue(StateDirectory(configuration.stateDirectory)).discardSavedDefinitions(of: await journal.run.id)
    }
}

extension PlannedVM {
    /// Whether a freeze may leave something that must be released.
    var mayBeHeld: Bool {
        machine.power == .running && !disks.isEmpty && strategies.contains(where: \.changesMachine)
    }

    /// Whether its disks may be moved to overlays.
    var mayGetOverlays: Bool { mayBeHeld && strategies.contains(where: \.movesDisks) }
}
