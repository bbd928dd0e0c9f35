internal import RunState
internal import Support

extension Run {
    /// What must be said of a restore that was killed after it had begun to change the VM; nil for any other run.
    package var interruptedRestore: String? {
        guard kind == .restore, let machine = machines.first, machine.phase == .releasing else { return nil }
        let name = printable(machine.name)
        return
            "the restore of \(name) (\(id)) was killed half-way: its disks may be neither as before nor as in the "
            + "snapshot. Restore it again; or, when it is as you want it: "
            + "stillpoint recover --run \(shellQuoted(id.text))"
    }
}
