internal import Configuration
package import Engine
internal import Glibc
internal import Logging
internal import RunState
internal import SnapshotManagers
internal import Support
internal import ZFS

/// `stillpoint snapshot`: freezes as pre-snapshot does, takes the snapshots by one call of zfs, releases as post-snapshot does.
///
/// This process is the run's manager: where it is killed, the watchdog releases at once.
package struct SnapshotCommand: Sendable {
    let names: [String]
    let isRecursive: Bool
    let isDryRun: Bool
    /// As they were written, comma lists among them.
    let types: [String]
    let configurationPath: String?
    let context: ProgramContext
    /// Nil: this process takes its signals for it.
    let interruption: Interruption?
    /// Told what begins; nil where nobody watches.
    let progress: (@Sendable (String) -> Void)?

    /// - Parameters:
    ///   - names: `DATASET@NAME`, each.
    ///   - types: what `--type` was given, each time.
    package init(
        _ names: [String], isRecursive: Bool, isDryRun: Bool, types: [String] = [], configurationPath: String?,
        _ context: ProgramContext, interruption: Interruption? = nil, progress: (@Sendable (String) -> Void)? = nil
    ) {
        self.names = names
        self.isRecursive = isRecursive
        self.isDryRun = isDryRun
        self.types = types
        self.configurationPath = configurationPath
        self.context = context
        self.interruption = interruption
        self.progress = progress
    }

    /// Runs to its end; for the main thread, before there is any other. Errors become a line of the log and an exit code.
    package func main() -> ExitCode {
        ignoreSIGPIPE()
        do {
            let request = try SnapshotRequest(names, isRecursive: isRecursive)
            let types = try SnapshotType.ofOptions(types)
            let configuration = try context.configuration(configurationPath)
            let invocation = Invocation(
                manager: .stillpoint, phase: .pre, snapshots: request.snapshots, recursion: isRecursive ? .yes : .no,
                isDryRun: isDryRun, configurationPath: configurationPath,
                types: types.isEmpty ? SnapshotType.types(of: request.snapshots) : types)
            let interruption = interruption ?? .ofThisProcess(context.log)
            return try MainLoop().run { try await run(request, invocation, configuration, interruption) }
        } catch {
            context.log.error("\(error)")
            return ExitCode(of: error, phase: .pre)
        }
    }

    private func run(
        _ request: SnapshotRequest, _ invocation: Invocation, _ configuration: Configuration,
        _ interruption: Interruption
    ) async throws -> ExitCode {
        try await request.requirePossible(context.zfs)
        let pre = PreSnapshot(context: context, invocation: invocation, configuration: configuration)
        if !isDryRun {
            for shortage in await pre.foreseenShortages(request.scope) { context.log.warning("\(shortage)") }
        }
        guard !interruption.isAsked else { return .failed }
        let unfinished = UnfinishedFreeze()
        if let call = try pre.readInvocation() {
            if !isDryRun { progress?("freezing") }
            let code = try await pre.freezeInTime(call, unfinished)
            guard code == .done else { return code }
        } else {
            pre.explainNothing()
        }
        if isDryRun {
            context.log.info("would run: \(request.commandLine)")
            return .done
        }
        let id = await unfinished.end()
        let isTaken = await take(request, id, configuration, interruption)
        let released = await release(id, invocation, configuration)
        if isTaken, released != .failed {
            context.log.info("taken: \(request.snapshots.map(\.rawValue).joined(separator: ", "))")
        }
        guard released != .needsRecovery else { return .needsRecovery }
        return isTaken ? released : .failed
    }

    // MARK: the snapshot

    /// - Returns: whether there is one.
    private func take(
        _ request: SnapshotRequest, _ id: RunID?, _ configuration: Configuration, _ interruption: Interruption
    ) async -> Bool {
        guard !interruption.isAsked else {
            context.log.error("asked to end: no snapshot is taken")
            return false
        }
        progress?(request.commandLine)
        do {
            try await context.zfs.takeSnapshots(request.snapshots, recursive: request.isRecursive)
            return true
        } catch {
            context.log.error("\(error)")
            if let id {
                if error.code == .timedOut { noteTooLate(id, configuration) } else { noteUntaken(id, configuration) }
            }
            return false
        }
    }

    /// A zfs that hangs in the kernel may take the snapshot when the VMs write again: by its time it is told from one that
    /// holds them as they were frozen.
    private func noteTooLate(_ id: RunID, _ configuration: Configuration) {
        change(id, configuration) { run in
            guard run.earlyRelease == nil else { return }
            run.earlyRelease = EarlyRelease(began: Int64(time(nil)), reason: "zfs snapshot did not end in time")
        }
    }

    /// One of that name may be there all the same: somebody else's.
    private func noteUntaken(_ id: RunID, _ configuration: Configuration) {
        change(id, configuration) { $0.isUntaken = true }
    }

    private func change(_ id: RunID, _ configuration: Configuration, _ body: (inout Run) -> Void) {
        let directory = StateDirectory(configuration.stateDirectory)
        do {
            guard let lock = try directory.lock(run: id, waiting: true) else { return }
            try lock.withLock {
                guard directory.isOpen(id) else { return }
                var run = try directory.read(id)
                body(&run)
                try directory.write(run)
            }
        } catch {
            context.log.error("\(error)")
        }
    }

    // MARK: release

    private func release(
        _ id: RunID?, _ invocation: Invocation, _ configuration: Configuration
    ) async -> ExitCode {
        guard let id else { return .done }
        progress?("releasing")
        do {
            let post = PostSnapshot(context: context, invocation: invocation, configuration: configuration)
            return try await withTaskExecutorPreference(globalConcurrentExecutor) { try await post.release(id) }
        } catch {
            context.log.error("\(error)")
            return ExitCode(of: error, phase: .post)
        }
    }
}
