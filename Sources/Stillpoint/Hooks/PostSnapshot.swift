internal import Hypervisor
internal import Logging
internal import SnapshotManagers
internal import Storage

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
            return .finished(open.unreadable.isEmpty ? .done : .needsRecovery)
        }
        if invocation.isDryRun {
            for machine in found.machines { context.log.info("would release \(machine.reportLine)") }
            return .finished(.done)
        }
        return .work { try await finish(found.id, in: directory) }
    }

    private func finish(_ id: String, in directory: StateDirectory) async throws -> ExitCode {
        // Another process may be at it still: pre, or a second post. It may also have finished it meanwhile.
        let lock = try directory.lock(run: id, waiting: true)
        guard try directory.openRunIDs().contains(id) else { return .done }
        var run = try directory.read(id)
        run.snapshots += invocation.snapshots.filter { !run.snapshots.contains($0) }
        let ending = RunEnding(
            context: context, configuration: configuration, configurationPath: invocation.configurationPath)
        return try await ending.end(Journal(run, in: directory, lock: lock)) ? .done : .needsRecovery
    }
}
