internal import Hypervisor
package import RunState

/// A VM that another open run has, and that must not be touched.
package struct BusyVM: Sendable {
    /// Whose it is, in words.
    package let reason: String
    /// What it is held by; nil: it is only about to be.
    var holder: Holder?

    package init(reason: String, holder: Holder? = nil) {
        self.reason = reason
        self.holder = holder
    }

    package struct Holder: Sendable {
        let run: RunID
        /// It should have been released by now; else its own snapshot may be being taken.
        let isOverdue: Bool
        /// When it wrote to its own disks last, in seconds since 1970; nil where nothing tells.
        let since: Int64?
        /// A commit may have written a part of what it wrote since.
        let isCommitting: Bool
    }
}

extension BusyVM {
    /// A VM that a run holds.
    package init(_ machine: VMRecord, of run: Run, isOverdue: Bool) {
        reason = "the run \(run.id) has not released it yet" + (isOverdue ? ": stillpoint recover" : "")
        holder = Holder(
            run: run.id, isOverdue: isOverdue,
            since: run.kind == .adoption ? nil : run.frozenAt ?? run.id.time,
            isCommitting: machine.freezeState?.disks.contains { $0.progress != nil } == true)
    }
}
