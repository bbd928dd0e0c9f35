internal import Configuration
internal import DiskLocation
internal import Engine
internal import Hypervisor
internal import Logging
internal import RunState
internal import SnapshotManagers
internal import Support
internal import ZFS

/// What pre-snapshot does: plan, open a run, freeze.
struct PreSnapshot: Sendable {
    let context: HookContext
    let invocation: Invocation
    let configuration: Configuration

    func begin() throws -> Hook.Step {
        var known: SanoidConfiguration?
        func sanoid() throws -> SanoidConfiguration {
            let read = try known ?? SanoidConfiguration(directory: configuration.sanoidDirectory)
            known = read
            return read
        }
        let scope = try Scope(invocation, configuration, sanoid: sanoid)
        // A recursive target's children are yet to be found, and may have strategies of their own.
        if scope.recursiveTargets.isEmpty, configuration.ignores(scope.targets) { return .finished(.done) }
        let limit = try Patience.limit(of: invocation, sanoid)
        let storage = try StorageMap(roots: context.roots)
        let planner = Planner(scope: scope, storage: storage, configuration: configuration)
        let unknown = planner.scope.targets.filter { !storage.isKnown($0) }
        if unknown.isEmpty, !planner.mayConcernMachines { return .finished(.done) }
        let patience = limit.map { Patience.left(of: $0, invocation.manager, proc: context.roots.proc) }
        return .work {
            let opened = OpenedRun()
            let code = try await tryFirstOf(deadline: patience?.end) {
                try await requireExistence(of: unknown)
                return try await run(planner, patience?.deadline, opened)
            }
            if let code { return code }
            return await opened.leave(context.log, wantsNone: wantsNone(planner))
        }
    }

    private func run(
        _ planner: Planner, _ deadline: ContinuousClock.Instant?, _ opened: OpenedRun
    ) async throws -> ExitCode {
        let hypervisors = Hypervisors(configuration, context)
        do {
            let code = try await freeze(planner, hypervisors, deadline, opened)
            await hypervisors.close()
            return code
        } catch {
            await hypervisors.close()
            throw error
        }
    }

    private func freeze(
        _ planner: Planner, _ hypervisors: Hypervisors, _ deadline: ContinuousClock.Instant?, _ opened: OpenedRun
    ) async throws -> ExitCode {
        let opening = RunOpening(
            directory: StateDirectory(configuration.stateDirectory), invocation: invocation, scope: planner.scope,
            deadline: deadline, maxHold: configuration.maxHold, log: context.log)
        guard let first = try await look(planner, opening, hypervisors, deadline) else { return .notConsistent }
        guard !first.plan.isEmpty else {
            explainNothing(first.below, planner)
            return .done
        }
        if invocation.isDryRun {
            try await checkWorkFolders(first.plan, planner)
            for planned in first.plan { context.log.info("\(planned.dryRunLine)") }
            for shortage in await foreseenShortages(planner.scope) { context.log.warning("\(shortage)") }
            return .done
        }
        return try await withTaskExecutorPreference(globalConcurrentExecutor) {
            try await freeze(first, planner, opening, hypervisors, deadline, opened)
        }
    }

    private func freeze(
        _ first: Look, _ planner: Planner, _ opening: RunOpening, _ hypervisors: Hypervisors,
        _ deadline: ContinuousClock.Instant?, _ opened: OpenedRun
    ) async throws -> ExitCode {
        var found: Look? = first
        var hasRecovered = false
        while let (plan, takenBefore, _) = found {
            guard !plan.isEmpty else { return .done }
            // Once: what cannot be ended now keeps its VMs, and they fall back.
            let mustRecover = !hasRecovered
            hasRecovered = true
            if mustRecover, await recoverAbandoned(plan, within: deadline) {
                found = try await look(planner, opening, hypervisors, deadline)
                continue
            }
            try await checkWorkFolders(plan, planner)
            if let (journal, taken) = try opening.open(for: plan, takenBefore: takenBefore) {
                opened.set(plan, journal)
                let keepsakes = Keepsakes(
                    storage: planner.storage, catalogue: Catalogue(StateDirectory(configuration.stateDirectory)),
                    hypervisors: try await hypervisors.all())
                // Beside the freeze, whose guests wait for the snapshot already.
                async let shortages = foreseenShortages(planner.scope)
                let code = try await freeze(plan, journal, taken, keepsakes, hypervisors, deadline)
                for shortage in await shortages { context.log.warning("\(shortage)") }
                return code
            }
            try await opening.wait(for: plan)
            found = try await look(planner, opening, hypervisors, deadline)
        }
        return .notConsistent
    }

    private func freeze(
        _ plan: [PlannedMachine], _ journal: Journal, _ taken: [MachineKey: TakenMachine], _ keepsakes: Keepsakes,
        _ hypervisors: Hypervisors, _ deadline: ContinuousClock.Instant?
    ) async throws -> ExitCode {
        leaveGuard(plan, run: await journal.run.id)
        let freezing = Freezing(
            plan: plan, journal: journal, maxParallel: configuration.maxParallel, deadline: deadline, taken: taken,
            keepsakes: keepsakes, ramRoom: RAMRoom(directory: configuration.ramDirectory), log: context.log)
        do {
            try await freezing.run()
        } catch {
            context.log.error("\(error)")
            return try await undo(journal, hypervisors)
        }
        return try await conclude(plan, journal, hypervisors)
    }

    private func checkWorkFolders(_ plan: [PlannedMachine], _ planner: Planner) async throws {
        let room = OverlayRoom(scope: planner.scope, storage: planner.storage)
        for (directory, machines) in Dictionary(
            grouping: plan.filter(\.mayBeHeld), by: \.hypervisor.overlayDirectory)
        {
            guard let directory else { continue }
            try room.check(directory, disks: machines.reduce(0) { $0 + $1.disks.count })
        }
        if plan.contains(where: {
            $0.mayBeHeld && $0.strategies.contains(.memory) && $0.hypervisor.overlayDirectory != nil
        }) {
            try WorkFolder(key: .ramDirectory, path: configuration.ramDirectory).check(planner.scope, planner.storage)
            try await requireTrustInColdStorage()
        }
    }

    /// The snapshot does not wait for a cold storage that hangs: whoever moves the dumps there looks again.
    private func requireTrustInColdStorage() async throws {
        guard let path = configuration.coldStorage else { return }
        let folder = WorkFolder(key: .coldStorage, path: path)
        do {
            try await blocking("looking at cold_storage", within: .seconds(2)) { try folder.requireTrust() }
        } catch let problem as WorkFolderError where problem.code == .notTrusted {
            throw problem
        } catch {
            context.log.warning("\(error)")
        }
    }

    private func conclude(
        _ plan: [PlannedMachine], _ journal: Journal, _ hypervisors: Hypervisors
    ) async throws -> ExitCode {
        let machines = await journal.run.machines
        for record in machines where record.consistency == .crash || record.consistency == .stale {
            context.log.log(level: record.consistency == .stale ? .error : .warning, "\(record.reportLine)")
        }
        let failed = zip(plan, machines).contains { $0.onFailure == .abort && $1.phase == .failed }
        guard failed else { return .done }
        context.log.error("on_failure = abort: all VMs are released, there is nothing to snapshot consistently")
        return try await undo(journal, hypervisors)
    }

    /// What a killed hook, or a host that was switched off, has left of these VMs comes first.
    private func recoverAbandoned(_ plan: [PlannedMachine], within deadline: ContinuousClock.Instant?) async -> Bool {
        let recovery = Recovery(
            context: context, configuration: configuration, configurationPath: invocation.configurationPath)
        // It goes on in the background when the manager's time gets short; what it does not finish then is finished
        // by the next one.
        let end = deadline.map { RunOpening.endOfWaiting(before: $0) }
        return await firstOf(deadline: end) { await recovery.recover(concerning: plan) } ?? true
    }

    /// Before anything is touched, so that it is there also when this process is killed.
    private func leaveGuard(_ plan: [PlannedMachine], run: RunID) {
        guard plan.contains(where: \.mayBeHeld), context.executable != nil else { return }
        do {
            try Guard.leaveBehind(
                run, in: StateDirectory(configuration.stateDirectory),
                manager: ManagerProcess.find(invocation.manager, proc: context.roots.proc), context,
                configurationPath: invocation.configurationPath)
        } catch {
            context.log.error("the run \(run) has no guard (\(error)): post-snapshot must come")
        }
    }

    /// Releases everything and closes the run.
    private func undo(_ journal: Journal, _ hypervisors: Hypervisors) async throws -> ExitCode {
        let releasing = Releasing(
            journal: journal, hypervisors: hypervisors, maxParallel: configuration.maxParallel, log: context.log)
        do {
            guard await releasing.run() else { return .needsRecovery }
            // There is no snapshot that they could belong to.
            for dump in await journal.run.machines.compactMap(\.ramDump) { try removeFile(at: dump.path) }
            try await journal.close()
            Catalogue(StateDirectory(configuration.stateDirectory)).discardKeepsakes(of: await journal.run.id)
            return .notConsistent
        } catch {
            context.log.error("\(error)")
            return .needsRecovery
        }
    }

    /// Where zfs does not tell within a second, nothing is foreseen.
    private func foreseenShortages(_ scope: Scope) async -> [String] {
        let room = SnapshotRoom(zfs: context.zfs)
        let found = await firstOf(deadline: .now + .seconds(1)) {
            let plain = scope.targets.filter { !scope.recursiveTargets.contains($0) }
            let recursive = try? await room.shortages(of: scope.recursiveTargets, recursive: true)
            return (recursive ?? []) + ((try? await room.shortages(of: plain, recursive: false)) ?? [])
        }
        return found ?? []
    }

    /// A dataset that is neither mounted nor a volume may be there all the same, so ZFS is asked; this is rare.
    private func requireExistence(of targets: [DatasetName]) async throws {
        for target in targets {
            guard try await context.zfs.exists(target.rawValue) else { throw UnknownDatasetError(dataset: target) }
        }
    }
}

extension PlannedMachine {
    fileprivate var mayBeHeld: Bool {
        machine.power == .running && !disks.isEmpty && strategies.contains { $0 == .quiesce || $0 == .memory }
    }

    fileprivate var dryRunLine: String {
        let what =
            machine.power.isAtRest
            ? (machine.power == .off ? "shut off" : "suspended")
            : strategies.map(\.rawValue).joined(separator: ", else ")
        return "would freeze \(machine.name) (\(disks.map(\.target).joined(separator: ", "))): \(what)"
    }
}
