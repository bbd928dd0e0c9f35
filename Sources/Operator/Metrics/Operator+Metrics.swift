internal import Configuration
package import Engine
internal import Hypervisor
internal import Logging

extension Operator {
    /// `stillpoint metrics`: writes `metrics_file`.
    /// - Parameter isPrinted: whether it is printed instead, and nothing is written.
    package func metrics(isPrinted: Bool) async -> ExitCode {
        await perform { configuration in
            let file = MetricsFile(configuration, context)
            if isPrinted {
                write(try await blocking("reading the state", within: .seconds(300)) { try file.text() })
                return .done
            }
            guard configuration.notifications.metricsFile != nil else {
                context.log.error("metrics_file is not set in the configuration; --print prints the metrics")
                return .usage
            }
            try await blocking("writing the metrics", within: .seconds(300)) { try file.write() }
            return .done
        }
    }
}
