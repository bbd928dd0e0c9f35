package import Engine
internal import RunState

extension Operator {
    /// `stillpoint check`: what the next run would meet, and how to fix it.
    package func check(json: Bool = false) async -> ExitCode {
        await perform { configuration in
            let report = try await Hypervisors(configuration, context).closeAfter {
                try await PreflightCheck(
                    configuration: configuration, context: context, hypervisors: $0,
                    host: CheckedHost(environment: context.environment)
                ).run()
            }
            if json {
                try write(json: report)
            } else {
                say(report.text, paint: palette.checkLine)
            }
            return report.hasProblem ? .failed : .done
        }
    }
}
