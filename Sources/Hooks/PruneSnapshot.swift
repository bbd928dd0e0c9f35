internal import Configuration
internal import Engine
internal import Logging
internal import RunState
internal import SnapshotManagers
internal import Support

/// prune-snapshot: the snapshots that the manager destroyed may have been the last that needed a RAM dump.
struct PruneSnapshot: Sendable {
    let context: ProgramContext
    let invocation: Invocation
    let configuration: Configuration

    func run() throws -> ExitCode {
        let catalogue = Catalogue(StateDirectory(configuration.stateDirectory))
        // sanoid prunes many snapshots of which Stillpoint knows nothing: for those cold storage is not read.
        let names = Set(invocation.snapshots)
        guard catalogue.all().points.contains(where: { $0.snapshots.contains { names.contains($0.name) } }) else {
            return .done
        }
        let pruner = Pruner(
            catalogue: catalogue, coldStorage: configuration.coldStorage, zfs: context.zfs,
            isDryRun: invocation.isDryRun, log: context.log)
        try MainLoop().run {
            try await configuration.requireTrustInDumps()
            try await withTaskExecutorPreference(globalConcurrentExecutor) {
                try await pruner.pruneNowOrLater(invocation.snapshots)
            }
        }
        return .done
    }
}
