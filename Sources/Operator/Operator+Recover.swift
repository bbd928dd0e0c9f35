package import Engine
internal import Logging

extension Operator {
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
            isDone = try await archiveDumps(configuration) && isDone
            await refreshMetrics(configuration)
            // What could not be sent when it happened.
            await RunNotice(context, configuration, configurationPath).startSender()
            return isDone ? .done : .needsRecovery
        }
    }
}
