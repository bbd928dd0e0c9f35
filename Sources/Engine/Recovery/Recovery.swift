package import Configuration
internal import Glibc
internal import Hypervisor
internal import Logging
package import RunState
internal import Support

/// Ends open runs that no living process owns any more.
package struct Recovery: Sendable {
    package let context: ProgramContext
    package let configuration: Configuration
    package let configurationPath: String?
    /// How long a watchdog may take to begin; it checks once a second.
    var watchdogDelay = Duration.seconds(5)

    package init(
        context: ProgramContext, configuration: Configuration, configurationPath: String?,
        watchdogDelay: Duration = Duration.seconds(5)
    ) {
        self.context = context
        self.configuration = configuration
        self.configurationPath = configurationPath
        self.watchdogDelay = watchdogDelay
    }

    private var directory: StateDirectory { StateDirectory(configuration.stateDirectory) }

    package func status(of run: Run) throws -> RunStatus {
        try RunStatus(of: run, in: directory, maxHold: configuration.maxHold)
    }

    /// Ends every abandoned run, or the one that is named, whoever owns it; whether nothing is left to do.
    package func recover(only: String? = nil, isDryRun: Bool = false) async throws -> Bool {
        var isDone = true
        try removeStrays()
        RestoreLeftovers.removeRAMCopies(in: configuration.ramDirectory)
        let ids = try directory.openRunIDs()
        if let only, !ids.contains(where: { $0.text == only }) { throw UnknownRunError(run: only, open: ids) }
        let meant = ids.filter { only == nil || $0.text == only }
        if !isDryRun { await thawAll(meant) }
        for id in meant {
            do {
                isDone = try await recover(id, isForced: only != nil, isDryRun: isDryRun) && isDone
            } catch {
                context.log.error("\(error)")
                isDone = false
            }
        }
        guard only == nil else { return isDone }
        // After the guests, which must not wait for zfs.
        let remains = RestoreLeftovers(context: context, configuration: configuration)
        return await remains.remove(isDryRun: isDryRun) && isDone
    }

    private func removeStrays() throws {
        guard fileExists(directory.path) else { return }
        try directory.lockForClaims().withLock { directory.removeStrays() }
    }

    private func recover(_ id: RunID, isForced: Bool, isDryRun: Bool) async throws -> Bool {
        let run = try directory.read(id)
        let machines = run.machines.filter { $0.freezeState != nil }.map { printable($0.name) }.joined(separator: ", ")
        let held = machines.isEmpty ? "" : " (\(machines))"
        switch try status(of: run) {
        case .owned where isDryRun || run.phase == .freezing || run.phase == .frozen:
            context.log.info("the run \(id)\(held) belongs to a process that is running")
            return true
        case .ending where isDryRun:
            context.log.info("would wait for the watchdog of the run \(id)\(held), which is ending it")
            return true
        case .owned, .ending:
            let ending = ElsewhereCompletion(run: id, directory: directory, proc: context.roots.proc)
            context.log.info("the run \(id)\(held) is being ended by \(ending.owner); it is waited for")
            switch try await ending.wait(beginning: watchdogDelay, within: configuration.commitTimeout + .seconds(30)) {
            case .over: return true
            case .left: return try await end(id)
            case .late:
                context.log.warning("the run \(id)\(held) is still being ended by \(ending.owner)")
                return false
            }
        case .watched where !isForced, .awaited where !isForced:
            context.log.info("the run \(id)\(held) waits for its post-snapshot; --run \(id) ends it now")
            return true
        default:
            if let halfDone = run.interruptedRestore, !isForced {
                context.log.error("\(halfDone)")
                return false
            }
            if isDryRun {
                context.log.info("would end the run \(id)\(held)")
                return true
            }
            return try await end(id)
        }
    }

    /// Before a run is opened: ends abandoned ones that have a VM of the plan.
    /// - Returns: whether there was one, so that the VMs must be read again.
    package func recover(concerning plan: [PlannedVM]) async -> Bool {
        let machines = Set(plan.map(\.key))
        var wasAny = false
        let ids = (try? directory.openRunIDs()) ?? []
        await thawAll(ids)
        for id in ids {
            guard let run = try? directory.read(id), run.kind != .restore,
                run.machines.contains(where: { machines.contains($0.key) && $0.freezeState != nil }),
                (try? status(of: run)) == .abandoned
            else { continue }
            wasAny = true
            context.log.warning("the run \(id) was left open; its VMs are released first")
            do {
                _ = try await end(id)
            } catch {
                context.log.error("\(error)")
            }
        }
        return wasAny
    }

    /// One run's release can take minutes: the guests of all that are left open are thawed before the first.
    private func thawAll(_ ids: [RunID]) async {
        let left = ids.compactMap { try? directory.read($0) }.filter { (try? status(of: $0)) == .abandoned }
        guard left.count > 1 else { return }
        let hypervisors = Hypervisors(configuration, context)
        _ = await FirstRelease(hypervisors: hypervisors).ask(left.flatMap(\.machines))
        await hypervisors.close()
    }

    /// The run's lock; nil: another process is at work on it. Its watchdog has it for a moment at each check.
    private func lock(_ id: RunID) async throws -> FileLock? {
        try await Backoff(attempts: 10, every: .milliseconds(50)).firstValue {
            try directory.lock(run: id, waiting: false)
        }
    }

    private func end(_ id: RunID) async throws -> Bool {
        guard let lock = try await lock(id), directory.isOpen(id) else { return true }
        var run = try directory.read(id)
        if run.kind == .restore {
            try directory.remove(id)
            return true
        }
        if run.kind == .adoption {
            return try await Adoption.end(Journal(run, in: directory, lock: lock), context, configuration)
        }
        if run.earlyRelease == nil, run.phase != .released {
            run.earlyRelease = EarlyRelease(
                began: Int64(time(nil)), reason: "recovered, since post-snapshot did not come")
            try directory.write(run)
        }
        let ending = RunCompletion(context: context, configuration: configuration, configurationPath: configurationPath)
        return try await ending.end(Journal(run, in: directory, lock: lock))
    }
}

/// A run that is not open.
package struct UnknownRunError: Error, CustomStringConvertible {
    let run: String
    let open: [RunID]
    package var description: String {
        "there is no open run \(printable(run)); "
            + (open.isEmpty ? "none is open" : "open: \(open.map(\.text).joined(separator: ", "))")
    }
}
