internal import Configuration
internal import Engine
internal import Logging
internal import RunState
internal import SnapshotManagers

/// What prune-snapshot does: the snapshots that the manager destroyed may have been the last that needed a RAM dump.
struct PruneSnapshot: Sendable {
    let context: HookContext
    let invocation: Invocation
    let configuration: Configuration

    func begin() -> Hook.Step {
        let catalogue = Catalogue(StateDirectory(configuration.stateDirectory))
        // sanoid prunes many snapshots of which Stillpoint knows nothing: those cost no look at cold storage.
        let names = Set(invocation.snapshots)
        guard catalogue.all().points.contains(where: { $0.snapshots.contains { names.contains($0.name) } }) else {
            return .finished(.done)
        }
        let pruner = Pruner(
            catalogue: catalogue, coldStorage: configuration.coldStorage, zfs: context.zfs,
            isDryRun: invocation.isDryRun, log: context.log)
        return .work {
            try await configuration.requireTrustInDumps()
            try await withTaskExecutorPreference(globalConcurrentExecutor) {
                try await pruner.pruneNowOrLater(invocation.snapshots)
            }
            return .done
        }
    }
}
