internal import Hypervisor

/// A VM that another open run has, and that must not be touched.
struct TakenMachine: Sendable {
    /// Whose it is, in words.
    let reason: String
    /// What it is held by past the time at which it should have been released; nil: its run is in its time.
    var overdue: Overdue?

    struct Overdue: Sendable {
        let run: RunID
        /// When it wrote to its own disks last, in seconds since 1970; nil where nothing tells.
        let since: Int64?
        /// A commit may have written a part of what it wrote since.
        let isCommitting: Bool
    }
}

extension TakenMachine {
    /// A VM that a run holds.
    init(_ machine: MachineRecord, of run: Run, isOverdue: Bool) {
        reason = "the run \(run.id) has not released it yet"
        guard isOverdue else { return }
        overdue = Overdue(
            run: run.id, since: run.manager == Adoption.manager ? nil : run.frozenAt ?? run.id.time,
            isCommitting: machine.hold?.disks.contains { $0.progress != nil } == true)
    }
}
