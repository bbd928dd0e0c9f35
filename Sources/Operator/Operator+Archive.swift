internal import Configuration
package import Engine
internal import Glibc
internal import Hypervisor
internal import RunState

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
        if !isDone { await tellProblems(configuration) }
        try await pruner(configuration, isDryRun: false).pruneDeferred()
        return isDone
    }

    /// Which runs' RAM could not be moved, and why.
    private func tellProblems(_ configuration: Configuration) async {
        let catalogue = catalogue(configuration)
        for run in catalogue.runsToArchive() {
            guard let point = try? catalogue.read(run) else { continue }
            let reasons = point.machines.compactMap { machine in
                machine.dump?.problem.map { "\(machine.name): its RAM is not in cold storage: \($0)" }
            }
            guard !reasons.isEmpty else { continue }
            let now = Int64(time(nil))
            let entry = OutboxEntry(
                .unarchived, run: run, manager: "stillpoint", began: run.time ?? now, ended: now,
                datasets: Set(point.machines.flatMap(\.datasets)).sorted(), reasons: reasons)
            await RunNotice(context, configuration, configurationPath).tell(entry)
        }
    }
}
