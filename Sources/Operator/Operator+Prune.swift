internal import Configuration
package import Engine
internal import Logging
internal import ZFS

extension Operator {
    /// `stillpoint prune DATASET@SNAP…`, or `--orphans`.
    package func prune(_ snapshots: [String], orphans: Bool, dryRun: Bool) async -> ExitCode {
        await perform { configuration in
            let names = try snapshots.map { try SnapshotName($0) }
            try await configuration.requireTrustInDumps()
            let pruner = pruner(configuration, isDryRun: dryRun)
            for name in names where try await context.zfs.exists(name.rawValue) {
                context.log.info("\(name) is there still; its RAM dumps stay")
            }
            try await pruner.prune(names)
            if orphans { try await pruner.pruneOrphans() }
            return .done
        }
    }

    func pruner(_ configuration: Configuration, isDryRun: Bool) -> Pruner {
        Pruner(
            catalogue: catalogue(configuration), coldStorage: configuration.coldStorage, zfs: context.zfs,
            isDryRun: isDryRun, log: context.log)
    }
}
