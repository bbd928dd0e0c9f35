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
        abstract: "Check, plan, list, restore and recover the VMs in ZFS snapshots, and take one by hand.",
        discussion: """
            The snapshots are taken by your snapshot manager, with pre-snapshot and post-snapshot as its hooks, and by \
            'stillpoint snapshot'. To begin with: 'stillpoint check', then 'stillpoint plan DATASET'.
            Exit codes: 0 done; 1 not done and all undone, or 'stillpoint check' found a problem; 2 refused or wrong usage, \
            nothing touched; 3 something is left to do, which 'stillpoint recover' does.
            """,
        version: "stillpoint \(stillpointVersion)",
        subcommands: [
            Check.self, Plan.self, Status.self, Explain.self, Snapshot.self, List.self, Show.self, Report.self,
            Restore.self, Prune.self, Archive.self, Recover.self, Metrics.self,
            Trust.self,
        ])
}

/// What every command takes.
struct CommonOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("Read this file instead of /etc/stillpoint/stillpoint.conf.", valueName: "file"),
        completion: .file())
    var config: String?

    func makeOperator() -> Operator {
        Operator(.ofStillpoint, configuration: config, progress: ProgressLine.onTerminal())
    }
}

extension ProgramContext {
    /// This program's, when it has adopted its environment.
    static var ofStillpoint: ProgramContext {
        ProgramContext(
            arguments: Array(CommandLine.arguments.dropFirst()), environment: processEnvironment(),
            backEnds: [LibvirtHypervisor.self, VSphereHypervisor.self, ExecHypervisor.self],
            executable: "/proc/self/exe", calledAs: CommandLine.arguments.first)
    }
}

/// A command of the operator's.
protocol OperatorCommand: ParsableCommand {
    func perform() async -> Engine.ExitCode
}
