internal import Configuration
package import Engine
internal import RunState

extension Operator {
    /// `stillpoint check`: what the next run would meet, and how to fix it.
    package func check(json: Bool = false) async -> ExitCode {
        let refused: (ConfigurationError) -> Void = { error in
            // Nobody is left to tell when standard output is closed.
            try? show(CheckReport(of: error), json: json)
        }
        return await perform(whenRefused: refused) { configuration in
            let report = try await Hypervisors(configuration, context).closeAfter {
                try await PreflightCheck(
                    configuration: configuration, context: context, hypervisors: $0,
                    host: CheckedHost(environment: context.environment)
                ).run()
            }
            try show(report, json: json)
            return report.hasProblem ? .failed : .done
        }
    }

    /// - Throws: JSONError.
    private func show(_ report: CheckReport, json: Bool) throws {
        if json {
            try write(json: report)
        } else {
            say(report.text, paint: palette.checkLine)
        }
    }
}
