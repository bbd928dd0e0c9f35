internal import Configuration
package import Engine
internal import Hypervisor
internal import Logging
internal import ZFS

extension Operator {
    /// `stillpoint archive`: moves every RAM dump that waits to cold storage.
    package func archive() async -> ExitCode {
        await perform { configuration in try await archive(configuration) ? .done : .needsRecovery }
    }

    /// `stillpoint recover`: finishes what a killed process left; with `adopt` also what has no state file any more.
    package func recover(run: String? = nil, adopt: Bool = false, dryRun: Bool = false) async -> ExitCode {
        await perform { configuration in
            let recovery = Recovery(
                context: context, configuration: configuration, configurationPath: configurationPath)
            var isDone = try await recovery.recover(only: run, isDryRun: dryRun)
            if run == nil {
                isDone =
                    try await Adoption(context: context, configuration: configuration)
                    .settle(adopts: adopt, isDryRun: dryRun) && isDone
            }
            guard run == nil, !dryRun else { return isDone ? .done : .needsRecovery }
            return try await archive(configuration) && isDone ? .done : .needsRecovery
        }
    }

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

    private func archive(_ configuration: Configuration) async throws -> Bool {
        let archiver = Archiver(
            catalogue: catalogue(configuration), coldStorage: configuration.coldStorage,
            compression: configuration.ramCompression, log: context.log, progress: progress)
        // Blocking and long: not on one of the concurrency runtime's few threads.
        let isDone = try await blocking("moving RAM dumps", within: .seconds(7 * 24 * 3600)) { try archiver.run() }
        try await pruner(configuration, isDryRun: false).pruneDeferred()
        return isDone
    }

    private func pruner(_ configuration: Configuration, isDryRun: Bool) -> Pruner {
        Pruner(
            catalogue: catalogue(configuration), coldStorage: configuration.coldStorage, zfs: context.zfs,
            isDryRun: isDryRun, log: context.log)
    }
}
