import ArgumentParser
import Engine
import Operator

struct Metrics: OperatorCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write metrics_file, which node_exporter reads.",
        discussion: "After each run it is written without this command. docs/monitoring.md has each metric.")

    @OptionGroup var common: CommonOptions
    @Flag(help: "Print the metrics, and write nothing.") var print = false

    func perform() async -> Engine.ExitCode { await common.makeOperator().metrics(isPrinted: print) }
}
