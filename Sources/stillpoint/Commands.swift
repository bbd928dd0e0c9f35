import ArgumentParser
import Engine
import Operator

struct Check: OperatorCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check for problems that the next snapshot would meet.",
        discussion: """
            Says what is in order ('ok:'), then what it found, the worst last: 'note:', 'warning:' and \
            'problem: WHAT; fix: WHAT TO DO [CODE]'. With a problem the exit code is 1. docs/findings.md says of each code \
            why it matters and what to do, and so does stillpoint-findings(7).
            """)

    @OptionGroup var common: CommonOptions
    @Flag(help: "Print JSON (docs/json.md).") var json = false

    func perform() async -> Engine.ExitCode { await common.makeOperator().check(json: json) }
}

struct List: OperatorCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the VMs in the snapshots of a dataset, or of all.",
        discussion: """
            With what each VM got in each snapshot, for how long it was frozen, and where its RAM is.

            Example:
                stillpoint list tank/VM
            """)

    @OptionGroup var common: CommonOptions
    @Argument(help: "The dataset; those below it are listed too.", completion: .dataset) var dataset: String?
    @Flag(help: "Print JSON (docs/json.md).") var json = false

    func perform() async -> Engine.ExitCode { await common.makeOperator().list(dataset, json: json) }
}

struct Show: OperatorCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show all that is known of the VMs in one snapshot.",
        discussion: """
            Shows the VMs with a disk on that very dataset; -r adds those below, and sums them up.

            Example:
                stillpoint show -r tank/VM@before-upgrade
            """)

    @OptionGroup var common: CommonOptions
    @Argument(help: ArgumentHelp("The snapshot.", valueName: "dataset@snap"), completion: .snapshot)
    var snapshot: String
    @Flag(name: .shortAndLong, help: "Include the snapshots of that name on the datasets below.")
    var recursive = false
    @Flag(help: "Print JSON (docs/json.md).") var json = false

    func perform() async -> Engine.ExitCode {
        await common.makeOperator().show(snapshot, recursive: recursive, json: json)
    }
}

struct Prune: OperatorCommand {
    static let configuration = CommandConfiguration(
        abstract: "Delete RAM dumps whose snapshots are gone.",
        discussion: """
            A dump is deleted with the last snapshot that refers to it, under whatever name, on any imported pool. \
            prune-snapshot does it as the hook of a manager that has one; --orphans makes up for all others.

            Example:
                stillpoint prune --orphans
            """)

    @OptionGroup var common: CommonOptions
    @Argument(help: ArgumentHelp("Snapshots that were destroyed; their dumps are checked.", valueName: "dataset@snap"))
    var snapshots: [String] = []
    @Flag(help: "Check all dumps, whatever their snapshots were called.") var orphans = false
    @Flag(help: "Say what would be deleted, and delete nothing.") var dryRun = false

    func validate() throws {
        guard orphans || !snapshots.isEmpty else {
            throw ValidationError("Name the snapshots that were destroyed, or give --orphans.")
        }
    }

    func perform() async -> Engine.ExitCode {
        await common.makeOperator().prune(snapshots, orphans: orphans, dryRun: dryRun)
    }
}

struct Archive: OperatorCommand {
    static let configuration = CommandConfiguration(
        abstract: "Move RAM dumps that wait in ram_dir to cold storage.",
        discussion: """
            post-snapshot starts this on its own. It is called by hand, or by stillpoint-archive.timer, for what could not be \
            moved then: cold storage was full, or not there.
            """)

    @OptionGroup var common: CommonOptions

    func perform() async -> Engine.ExitCode { await common.makeOperator(inBackground: true).archive() }
}

struct Notify: OperatorCommand {
    static let configuration = CommandConfiguration(
        abstract: "Send the reports that wait: mail, webhook and on_problem, as the configuration says.",
        discussion: """
            The hooks start this on their own when a run has ended, and stillpoint recover when something is left. It tries for \
            five minutes; exit code 3 where something could not be sent, which is tried again the next time, for a week. \
            One process sends at a time, with the configuration that it began with: where one is at it, this one waits for \
            some seconds, then says which one it is, and ends with 3.
            """)

    @OptionGroup var common: CommonOptions
    @Flag(help: "Send a test report by each way, and say how that went. Exit code 1 where one failed.") var test = false
    @Flag(help: .hidden) var background = false

    func perform() async -> Engine.ExitCode {
        await common.makeOperator(inBackground: true).notify(test: test, inBackground: background)
    }
}

struct Recover: OperatorCommand {
    static let configuration = CommandConfiguration(
        abstract: "Finish what a killed process left behind: VMs on overlays, RAM dumps on their way to cold storage.",
        discussion: """
            Ends every run that no living process owns any more. A run that still waits for its post-snapshot is not \
            touched, unless --run names it. Overlays whose state file is lost are named, and with --adopt released \
            (committed and deleted). Exit code 3 where something is left.

            Examples:
                stillpoint recover --dry-run
                stillpoint recover
            """)

    @OptionGroup var common: CommonOptions
    @Option(help: ArgumentHelp("End this run now.", valueName: "id"), completion: .openRun) var run: String?
    @Flag(help: "Release overlays whose state file is lost, too.") var adopt = false
    @Flag(help: "Say what would be done, and do nothing.") var dryRun = false

    func validate() throws {
        guard run == nil || !adopt else { throw ValidationError("--run and --adopt cannot be used together.") }
    }

    func perform() async -> Engine.ExitCode {
        await common.makeOperator().recover(run: run, adopt: adopt, dryRun: dryRun)
    }
}
