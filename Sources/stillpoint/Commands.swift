import ArgumentParser
import Engine
import Operator

struct Check: OperatorCommand {
    static let configuration = CommandConfiguration(
        abstract: "Look for what could go wrong tonight.",
        discussion: "Every line that begins 'mend:' says what is amiss and what to do; exit code 1 when there is one.")

    @OptionGroup var common: CommonOptions

    func perform() async -> Engine.ExitCode { await common.makeOperator().check() }
}

struct List: OperatorCommand {
    static let configuration = CommandConfiguration(abstract: "List the VMs in the snapshots of a dataset, or of all.")

    @OptionGroup var common: CommonOptions
    @Argument(help: "The dataset; those below it are listed too.") var dataset: String?
    @Flag(help: "Print JSON.") var json = false

    func perform() async -> Engine.ExitCode { await common.makeOperator().list(dataset, json: json) }
}

struct Show: OperatorCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show all that is known of the VMs in one snapshot.",
        discussion: "A snapshot holds the VMs with a disk on its very dataset; -r adds those below, and sums them up.")

    @OptionGroup var common: CommonOptions
    @Argument(help: ArgumentHelp("The snapshot.", valueName: "dataset@snap")) var snapshot: String
    @Flag(name: .shortAndLong, help: "With the snapshots of that name of what is below the dataset.")
    var recursive = false
    @Flag(help: "Print JSON.") var json = false

    func perform() async -> Engine.ExitCode {
        await common.makeOperator().show(snapshot, recursive: recursive, json: json)
    }
}

struct Prune: OperatorCommand {
    static let configuration = CommandConfiguration(
        abstract: "Delete RAM dumps whose snapshots are gone.",
        discussion: "A dump goes with the last snapshot that refers to it, under whatever name, on any imported pool.")

    @OptionGroup var common: CommonOptions
    @Argument(help: ArgumentHelp("Snapshots that were destroyed.", valueName: "dataset@snap"))
    var snapshots: [String] = []
    @Flag(help: "Look at all dumps.") var orphans = false
    @Flag(help: "Say what would be deleted.") var dryRun = false

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
        discussion: "post-snapshot starts this by itself.")

    @OptionGroup var common: CommonOptions

    func perform() async -> Engine.ExitCode { await common.makeOperator().archive() }
}

struct Recover: OperatorCommand {
    static let configuration = CommandConfiguration(
        abstract: "Finish what a killed process left: VMs on overlays, RAM dumps on their way to cold storage.",
        discussion: """
            Ends every run that no living process minds any more. One that waits for its post-snapshot is left alone, \
            unless --run names it. Overlays whose state file is gone are named, and with --adopt brought home. Exit code \
            3 where something is left.
            """)

    @OptionGroup var common: CommonOptions
    @Option(help: ArgumentHelp("End this run now.", valueName: "id")) var run: String?
    @Flag(help: "Bring home overlays whose state file is gone, too.") var adopt = false
    @Flag(help: "Say what would be done.") var dryRun = false

    func validate() throws {
        guard run == nil || !adopt else { throw ValidationError("--run and --adopt do not go together.") }
    }

    func perform() async -> Engine.ExitCode {
        await common.makeOperator().recover(run: run, adopt: adopt, dryRun: dryRun)
    }
}
