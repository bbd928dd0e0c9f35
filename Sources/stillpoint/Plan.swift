import ArgumentParser
import Engine
import Operator

struct Plan: OperatorCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Show what the next snapshot of a dataset does with each VM, and which line of the configuration wants it.",
        discussion: """
            Nothing is done. 'default' stands where no line says anything. VMs that 'ignore' leaves out are shown, too. Of several \
            types, which one freeze serves, what promises most counts.

            Example:
                stillpoint plan -r tank/VM --type daily
            """)

    @OptionGroup var common: CommonOptions
    @Argument(help: "The dataset that the snapshot is of.", completion: .dataset) var dataset: String
    @Flag(name: .shortAndLong, help: "The snapshot takes in the datasets below.") var recursive = false
    @Option(
        help: ArgumentHelp(
            "The snapshot's type, such as daily, for [type NAME]; several between commas.", valueName: "name"),
        completion: .snapshotType)
    var type: [String] = []
    @Flag(help: "Print JSON (docs/json.md).") var json = false

    func perform() async -> Engine.ExitCode {
        await common.makeOperator().plan(
            PlanOptions(dataset: dataset, recursive: recursive, types: type, json: json))
    }
}
