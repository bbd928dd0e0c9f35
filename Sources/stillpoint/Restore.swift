import ArgumentParser
import Engine
import Operator

struct Restore: OperatorCommand {
    static let configuration = CommandConfiguration(
        abstract: "Bring a VM back as it was in a snapshot, with its RAM where it was taken.",
        discussion: """
            --as NAME makes a new VM on a clone of the snapshot, beside the present one; its network links are down, so \
            that two of the same address never meet. --in-place stops the VM and puts it back: by rollback where it is \
            alone on its datasets, else by copying its own files out of the snapshot. For a VM of vSphere, --in-place \
            powers it off, rolls its datasets back, reverts it to the VM snapshot in them and powers it on if it ran; \
            with neither option the steps are printed. What this host, or one that it trusts (stillpoint trust), has not \
            sealed is refused; --untrusted builds such a definition anew from harmless parts, and names what it leaves out.

            Examples:
                stillpoint restore tank/VM@before-upgrade --vm web --as web-before
                stillpoint restore tank/VM@before-upgrade --vm web --in-place
            """)

    @OptionGroup var common: CommonOptions
    @Argument(
        help: ArgumentHelp("The snapshot, of the dataset with a disk of the VM.", valueName: "dataset@snap"),
        completion: .snapshot)
    var snapshot: String
    @Option(help: ArgumentHelp("The VM's name, or its id.", valueName: "name"), completion: .machine) var vm: String
    @Option(name: .customLong("as"), help: ArgumentHelp("Restore to a new VM of this name.", valueName: "name"))
    var clone: String?
    @Flag(help: "Put the VM itself back.") var inPlace = false
    @Flag(help: "Restore the disks alone.") var withoutMemory = false
    @Flag(help: "Leave the VM paused.") var paused = false
    @Flag(help: "Boot the VM when its RAM is not restored.") var start = false
    @Flag(help: "With --as: leave the network links up.") var connect = false
    @Flag(help: "With --in-place: destroy snapshots that are newer.") var destroyNewer = false
    @Flag(help: "Restore what is not trusted, too: of its definition only what is harmless.") var untrusted = false

    func validate() throws {
        guard clone == nil || !inPlace else {
            throw ValidationError("--as NAME makes a new VM, --in-place puts this one back; give one of the two.")
        }
        guard !connect || clone != nil else { throw ValidationError("--connect needs --as.") }
        guard !destroyNewer || inPlace else { throw ValidationError("--destroy-newer needs --in-place.") }
    }

    func perform() async -> Engine.ExitCode {
        await common.makeOperator().restore(
            RestoreOptions(
                snapshot: snapshot, machine: vm, target: clone.map { .clone($0) } ?? (inPlace ? .inPlace : .printSteps),
                withoutMemory: withoutMemory, paused: paused, start: start, connect: connect,
                destroyNewer: destroyNewer, untrusted: untrusted))
    }
}
