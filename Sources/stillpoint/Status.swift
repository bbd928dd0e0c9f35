import ArgumentParser
import Engine
import Operator

struct Status: OperatorCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show open runs and who is at work on them, RAM dumps on their way, and each dataset's last run.",
        discussion: """
            Neither a hypervisor nor zfs is asked. Exit code 3 where something needs 'stillpoint recover'.
            """)

    @OptionGroup var common: CommonOptions
    @Flag(help: "Print JSON (docs/json.md).") var json = false

    func perform() async -> Engine.ExitCode { await common.makeOperator().status(json: json) }
}

struct Explain: OperatorCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what a VM got in its last runs, and why not more; or what a code means.",
        discussion: """
            The VM by its name, or its id. Of a finding's code (SP301) or a reason's (agent-silent) it says what it means.
            Neither a hypervisor nor zfs is asked.

            Examples:
                stillpoint explain web01
                stillpoint explain SP303
            """)

    @OptionGroup var common: CommonOptions
    @Argument(help: ArgumentHelp("The VM, or a code.", valueName: "vm"), completion: .machineOrCode) var word: String
    @Option(name: [.customShort("n"), .long], help: ArgumentHelp("How many runs.", valueName: "count")) var runs = 10
    @Flag(help: "Print JSON (docs/json.md).") var json = false

    func validate() throws {
        guard runs > 0 else { throw ValidationError("-n takes a number from 1 on.") }
    }

    func perform() async -> Engine.ExitCode {
        await common.makeOperator().explain(word, most: runs, json: json)
    }
}
