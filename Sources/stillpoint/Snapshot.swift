import ArgumentParser
import Engine
import Glibc
import Hooks

struct Snapshot: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Freeze the VMs, take one snapshot of all datasets that are named, and release them.",
        discussion: """
            For maintenance ("before the upgrade"): what pre-snapshot, zfs snapshot and post-snapshot do one after another. All \
            datasets are of one pool, so that their snapshots are of one instant. Where zfs takes none, or on Ctrl-C, the \
            VMs are released all the same, and the exit code is 1.

            Examples:
                stillpoint snapshot -r tank/VM@before-upgrade
                stillpoint snapshot tank/VM@before tank/db@before
            """)

    @OptionGroup var common: CommonOptions
    @Argument(help: ArgumentHelp("The snapshots to take.", valueName: "dataset@name"), completion: .newSnapshot)
    var snapshots: [String]
    @Flag(name: .shortAndLong, help: "Take in the datasets below, as zfs snapshot -r does.")
    var recursive = false
    @Option(
        help: ArgumentHelp(
            "The snapshot's type, such as daily, for [type NAME]; several between commas.", valueName: "name"),
        completion: .snapshotType)
    var type: [String] = []
    @Flag(help: "Say what would be done, and do nothing.") var dryRun = false

    /// For the main thread, before there is any other.
    func perform() -> Engine.ExitCode {
        SnapshotCommand(
            snapshots, isRecursive: recursive, isDryRun: dryRun, types: type, configurationPath: common.config,
            .ofStillpoint, progress: isatty(STDERR_FILENO) == 1 ? Self.show : nil
        ).main()
    }

    private static let show: @Sendable (String) -> Void = { print("\($0)…", to: .errors) }
}
