internal import Configuration
package import Engine
internal import Hypervisor

extension Operator {
    /// `stillpoint archive`: moves every RAM dump that waits to cold storage.
    package func archive() async -> ExitCode {
        await perform { configuration in try await archiveDumps(configuration) ? .done : .needsRecovery }
    }

    func archiveDumps(_ configuration: Configuration) async throws -> Bool {
        let archiver = Archiver(
            catalogue: catalogue(configuration), coldStorage: configuration.coldStorage,
            compression: configuration.ramCompression, log: context.log, progress: progress)
        // Blocking and long: not on one of the concurrency runtime's few threads.
        let isDone = try await blocking("moving RAM dumps", within: .seconds(7 * 24 * 3600)) { try archiver.run() }
        try await pruner(configuration, isDryRun: false).pruneDeferred()
        return isDone
    }
}
