import ArgumentParser
import Engine
import ExecHypervisor
import Glibc
import LibvirtHypervisor
import Operator
import Support
import VSphereHypervisor

/// `stillpoint`
struct StillpointCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stillpoint",
        abstract: "Check, plan, list, restore and recover the VMs in ZFS snapshots.",
        discussion: """
            The snapshots are taken by your snapshot manager, with pre-snapshot and post-snapshot as its hooks.
            Exit codes: 0 done, 1 not done and all undone, 2 refused or wrong usage with nothing touched, 3 something is \
            left to do.
            """,
        version: "stillpoint \(stillpointVersion)",
        subcommands: [
            Check.self, Plan.self, List.self, Show.self, Restore.self, Prune.self, Archive.self, Recover.self,
            Trust.self,
        ])
}

/// What every command takes.
struct CommonOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The configuration file.", valueName: "file"))
    var config: String?

    func makeOperator() -> Operator {
        let context = ProgramContext(
            arguments: [], environment: processEnvironment(),
            backEnds: [LibvirtHypervisor.self, VSphereHypervisor.self, ExecHypervisor.self],
            executable: "/proc/self/exe")
        return Operator(context, configuration: config, progress: ProgressLine.onTerminal())
    }
}

/// A command of the operator's.
protocol OperatorCommand: ParsableCommand {
    func perform() async -> Engine.ExitCode
}
