internal import Configuration
internal import Engine
internal import Hypervisor
internal import Logging
internal import RunState
internal import SnapshotManagers
internal import Support
internal import ZFS

/// post-snapshot: releases the VMs of the open run and says on the snapshots what each got.
///
/// It finds the run, releases it, and leaves what the manager does not wait for to the watchdog.
struct PostSnapshot: Sendable {
    let context: ProgramContext
    let invocation: Invocation
    let configuration: Configuration

    private var directory: StateDirectory { StateDirectory(configuration.stateDirectory) }

    /// Most calls find no open run. They end here, before a thread is started or a hypervisor is asked.
    /// - Throws: what `ExitCode.init(of:phase:)` makes an exit code of.
    func run() throws -> ExitCode {
        let ids = try directory.openRunIDs()
        guard !ids.isEmpty else { return .done }
        let open = OpenRuns(ids, in: directory)
        for problem in open.unreadable { context.log.error("\(problem)") }
        guard let run = open.match(invocation) else { return explainNothing(open) }
        if invocation.isDryRun {
            for machine in run.machines { context.log.info("would release \(machine.reportLine)") }
            return .done
        }
        return try MainLoop().run { [timeout] in try await releaseInTime(run, timeout) }
    }

    // MARK: invocation

    /// How long the manager waits. A sanoid.conf that cannot be read has been complained about before the snapshot.
    private var timeout: HookTimeout? {
        let limit = try? HookTimeout.limit(of: invocation) {
            try SanoidConfiguration.ofCaller(
                invocation, otherwise: configuration.sanoidDirectory, proc: context.roots.proc)
        }
        return limit.map { HookTimeout.left(of: $0, invocation.manager, proc: context.roots.proc) }
    }

    // MARK: run

    /// A manager calls for every dataset; who calls by hand, while something is held, may have mistyped its name.
    private func explainNothing(_ open: OpenRuns) -> ExitCode {
        guard open.unreadable.isEmpty else { return .needsRecovery }
        guard invocation.manager == .byHand else { return .done }
        let asked = invocation.targets.map(\.rawValue)
        let held = open.runs.map { run in
            let names = run.snapshots.map(\.rawValue) + (run.snapshots.isEmpty ? run.targets.map(\.rawValue) : [])
            return "\(names.joined(separator: ", ")) (run \(run.id))"
        }
        context.log.warning(
            "no open run is of \(asked.joined(separator: ", ")); open: \(held.joined(separator: "; "))")
        return .done
    }

    // MARK: release

    private func releaseInTime(_ run: Run, _ timeout: HookTimeout?) async throws -> ExitCode {
        let code = try await tryWithDeadline(timeout?.exit) {
            try await withTaskExecutorPreference(globalConcurrentExecutor) { try await release(run.id) }
        }
        if let code { return code }
        // The disk may be what hangs.
        return await withDeadline(.now + .milliseconds(150)) { leave(run) } ?? .needsRecovery
    }

    func release(_ id: RunID) async throws -> ExitCode {
        // Another process may be at it still: pre, or a second post. It may also have finished it meanwhile.
        let lock = try directory.lock(run: id, waiting: true)
        guard try directory.openRunIDs().contains(id) else { return .done }
        var run = try directory.read(id)
        run.snapshots += invocation.snapshots.filter { !run.snapshots.contains($0) }
        let ending = RunCompletion(
            context: context, configuration: configuration, configurationPath: invocation.configurationPath,
            followsPre: true)
        let journal = Journal(run, in: directory, lock: lock)
        await journal.allowLostWrites()
        // Beside the release, which waits for no disk: should this hook end before it is done, the watchdog finds the
        // snapshots' names, and sees that it need not wait for a post-snapshot. A guest that stands still comes before that.
        if !run.machines.contains(where: { $0.freezeState?.strategy?.freezesOrPauses == true }) {
            Task { try? await journal.record { $0.phase = .releasing } }
        }
        guard try await ending.end(journal) else { return .needsRecovery }
        return await journal.run.isUntaken == true ? .failed : .done
    }

    // MARK: conclusion, where the manager waits no longer

    /// Leaves the run to its watchdog, as a kill would. Nobody is left waiting: a large overlay takes minutes to commit, and
    /// a manager whose time-out strikes leaves out other snapshots.
    /// - Parameter found: the run as it was before the release.
    private func leave(_ found: Run) -> ExitCode {
        let id = found.id
        let trouble = "the manager waits no longer for the run \(id)"
        guard directory.isOpen(id) else { return .done }
        do {
            let run = try directory.read(id)
            run.report(after: found, to: context.log)
            // Does nothing where the one that pre-snapshot left lives.
            try Watchdog.start(
                id, in: directory, manager: nil, context, configurationPath: invocation.configurationPath)
            let held = run.machines.filter { $0.freezeState != nil }.map { printable($0.name) }
            context.log.warning("\(trouble); its watchdog continues with: \(held.joined(separator: ", "))")
            return .done
        } catch {
            context.log.error(
                "\(trouble), and it has no watchdog (\(error)): stillpoint recover --run \(shellQuoted(id.text))")
            return .needsRecovery
        }
    }
}
