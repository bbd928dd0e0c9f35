internal import Hypervisor
internal import Logging
internal import Storage

extension Operator {
    /// `stillpoint archive`: moves every RAM dump that waits to cold storage.
    public func archive() async -> ExitCode {
        await perform { configuration in try await archive(configuration) ? .done : .needsRecovery }
    }

    /// `stillpoint recover`: finishes what a killed process left.
    public func recover() async -> ExitCode {
        await perform { configuration in
            let isClosed = try await closeRuns(configuration)
            return try await archive(configuration) && isClosed ? .done : .needsRecovery
        }
    }

    /// `stillpoint prune DATASET@SNAP…`, or `--orphans`.
    public func prune(_ snapshots: [String], orphans: Bool, dryRun: Bool) async -> ExitCode {
        await perform { configuration in
            let names = try snapshots.map { try SnapshotName($0) }
            let pruner = Pruner(
                catalogue: catalogue(configuration), coldStorage: configuration.coldStorage, zfs: context.zfs,
                isDryRun: dryRun, log: context.log)
            for name in names {
                if try await context.zfs.exists(name.rawValue) {
                    context.log.info("\(name) is there still; its RAM dumps stay")
                }
                try await pruner.prune(name)
            }
            if orphans { try await pruner.pruneOrphans() }
            return .done
        }
    }

    /// Ends the runs that have let go of their VMs and only miss their restore points; whether no other run is open.
    private func closeRuns(_ configuration: Configuration) async throws -> Bool {
        let directory = StateDirectory(configuration.stateDirectory)
        var isDone = true
        for id in try directory.openRunIDs() {
            guard let lock = try directory.lock(run: id, waiting: false) else { continue }
            defer { withExtendedLifetime(lock) {} }
            do {
                let run = try directory.read(id)
                guard run.manager != RestoreClaim.manager else { continue }
                guard run.phase == .released, run.machines.allSatisfy({ $0.hold == nil }) else {
                    let targets = run.targets.map(\.rawValue).joined(separator: " ")
                    context.log.error("the run \(id) is open still; release its VMs with: post-snapshot \(targets)")
                    isDone = false
                    continue
                }
                let writing = RestorePointWriting(
                    catalogue: catalogue(configuration), zfs: context.zfs, log: context.log)
                _ = try await writing.write(run, coldStorage: configuration.coldStorage)
                try directory.remove(id)
            } catch {
                context.log.error("\(error)")
                isDone = false
            }
        }
        return isDone
    }

    private func archive(_ configuration: Configuration) async throws -> Bool {
        let archiver = Archiver(
            catalogue: catalogue(configuration), coldStorage: configuration.coldStorage,
            compression: configuration.ramCompression, log: context.log, progress: progress)
        // Blocking and long: not on one of the concurrency runtime's few threads.
        return try await blocking("moving RAM dumps", within: .seconds(7 * 24 * 3600)) { try archiver.run() }
    }
}
