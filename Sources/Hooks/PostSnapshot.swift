internal import Configuration
internal import Engine
internal import Logging
internal import RunState
internal import SnapshotManagers
internal import Support
internal import ZFS

/// What post-snapshot does: find the open run, release its VMs, say on the snapshots what each got.
struct PostSnapshot: Sendable {
    let context: HookContext
    let invocation: Invocation
    let configuration: Configuration

    func begin() throws -> Hook.Step {
        let directory = StateDirectory(configuration.stateDirectory)
        let ids = try directory.openRunIDs()
        guard !ids.isEmpty else { return .finished(.done) }
        let open = OpenRuns(ids, in: directory)
        for problem in open.unreadable { context.log.error("\(problem)") }
        guard let found = open.match(invocation) else {
            guard open.unreadable.isEmpty else { return .finished(.needsRecovery) }
            if invocation.manager == .byHand { warn(of: open) }
            return .finished(.done)
        }
        if invocation.isDryRun {
            for machine in found.machines { context.log.info("would release \(machine.reportLine)") }
            return .finished(.done)
        }
        // A sanoid.conf that cannot be read has been complained about before the snapshot.
        let limit = try? Patience.limit(of: invocation) {
            try SanoidConfiguration(directory: configuration.sanoidDirectory)
        }
        let patience = limit.map { Patience.left(of: $0, invocation.manager, proc: context.roots.proc) }
        return .work {
            let code = try await tryFirstOf(deadline: patience?.end) {
                try await withTaskExecutorPreference(globalConcurrentExecutor) {
                    try await finish(found.id, in: directory)
                }
            }
            if let code { return code }
            // The disk may be what hangs.
            let left = await firstOf(deadline: .now + .milliseconds(150)) { leave(found, in: directory) }
            return left ?? .needsRecovery
        }
    }

    /// A manager calls for every dataset; who calls by hand, while something is held, may have mistyped its name.
    private func warn(of open: OpenRuns) {
        let asked = invocation.targets.map(\.rawValue)
        let held = open.runs.map { run in
            let names = run.snapshots.map(\.rawValue) + (run.snapshots.isEmpty ? run.targets.map(\.rawValue) : [])
            return "\(names.joined(separator: ", ")) (run \(run.id))"
        }
        context.log.warning(
            "no open run is of \(asked.joined(separator: ", ")); open: \(held.joined(separator: "; "))")
    }

    /// Leaves the run to its guard, as a kill would. Nobody is left waiting: a large overlay takes minutes to commit, and
    /// a manager that runs out of patience leaves out other snapshots.
    private func leave(_ found: Run, in directory: StateDirectory) -> ExitCode {
        let id = found.id
        let trouble = "the manager waits no longer for the run \(id)"
        guard directory.isOpen(id) else { return .done }
        do {
            let run = try directory.read(id)
            run.report(after: found, to: context.log)
            // Does nothing where the one that pre-snapshot left lives.
            try Guard.leaveBehind(
                id, in: directory, manager: nil, context, configurationPath: invocation.configurationPath)
            let held = run.machines.filter { $0.hold != nil }.map { printable($0.name) }
            context.log.warning("\(trouble); its guard goes on with: \(held.joined(separator: ", "))")
            return .done
        } catch {
            context.log.error(
                "\(trouble), and it has no guard (\(error)): stillpoint recover --run \(shellQuoted(id.text))")
            return .needsRecovery
        }
    }

    private func finish(_ id: RunID, in directory: StateDirectory) async throws -> ExitCode {
        // Another process may be at it still: pre, or a second post. It may also have finished it meanwhile.
        let lock = try directory.lock(run: id, waiting: true)
        guard try directory.openRunIDs().contains(id) else { return .done }
        var run = try directory.read(id)
        run.snapshots += invocation.snapshots.filter { !run.snapshots.contains($0) }
        let ending = RunEnding(
            context: context, configuration: configuration, configurationPath: invocation.configurationPath,
            followsPre: true)
        let journal = Journal(run, in: directory, lock: lock)
        await journal.allowLostWrites()
        // Beside the release, which waits for no disk: should this hook end before it is done, the guard finds the
        // snapshots' names, and sees that it need not wait for a post-snapshot.
        Task { try? await journal.record { $0.phase = .releasing } }
        guard try await ending.end(journal) else { return .needsRecovery }
        return await journal.run.isUntaken == true ? .notConsistent : .done
    }
}
