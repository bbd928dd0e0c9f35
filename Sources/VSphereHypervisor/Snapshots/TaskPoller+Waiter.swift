extension TaskPoller {
    /// Somebody who waits.
    struct Waiter {
        enum Phase {
            case unread
            case running
            /// The VM has still to be seen, or to be seen as the task has made it.
            case ended(TaskState.Progress)
        }

        /// Nil: only the VM is read.
        let task: MoRef?
        let vm: MoRef
        let since: ContinuousClock.Instant
        let deadline: ContinuousClock.Instant
        let isConfirmed: Confirmation
        let continuation: CheckedContinuation<Outcome, any Error>
        var phase: Phase
        /// When it shall be read next.
        var next: ContinuousClock.Instant
        var wasRead = false
        /// Reads of the VM after the end of the task.
        var confirmations = 0
        /// Reads that failed.
        var failures = 0

        var end: TaskState.Progress? {
            if case .ended(let progress) = phase { return progress }
            return nil
        }

        /// Of a task that runs on, the VM need not be read.
        var needsVM: Bool {
            if case .running = phase { return false }
            return true
        }
    }
}
