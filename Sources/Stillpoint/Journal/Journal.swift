internal import Hypervisor

/// The open run of this process; what it says is durable before anyone goes on.
///
/// Changes that come in while a write is under way go to the disk together with the next one, so that many VMs
/// do not wait for one fsync each.
actor Journal {
    private let directory: StateDirectory
    private(set) var run: Run
    private let text = RunText()
    private var newest = 0
    private var durable = 0
    private var writing: Task<Void, any Error>?
    private var mayLoseWrites = false
    private var isClosed = false
    /// The last write that was lost while that was allowed.
    private(set) var lostWrite: (any Error)?
    // The run stays this process's as long as the journal lives.
    private let lock: FileLock?

    init(_ run: Run, in directory: StateDirectory, lock: FileLock?) {
        self.run = run
        self.directory = directory
        self.lock = lock
    }

    /// Lets the run go on, from now on, though its changes cannot be written.
    ///
    /// For the release: VMs must be let go also when the disk is full, and to release again from an older state is safe.
    func allowLostWrites() {
        mayLoseWrites = true
    }

    /// Changes the run and returns when the change is durable.
    /// - Throws: StateError `.notWritten`, unless writes may be lost.
    func record(_ change: @Sendable (inout Run) -> Void) async throws {
        guard !isClosed else { return }
        change(&run)
        newest += 1
        let mine = newest
        do {
            while durable < mine && !isClosed {
                try await writeOnce()
            }
        } catch {
            guard mayLoseWrites else { throw error }
            lostWrite = error
        }
    }

    private func writeOnce() async throws {
        if let writing {
            _ = await writing.result
            return
        }
        let (version, snapshot, directory, text) = (newest, run, directory, text)
        let task = Task {
            // Done in here, on the actor, so that whoever waits for the task finds the outcome when it ends. To wait
            // for a task that has ended does not let go of the actor: a waiter that came first would spin for ever.
            defer { writing = nil }
            try await blocking("writing the state file", within: .seconds(60)) {
                try directory.write(snapshot, text: text)
            }
            durable = max(durable, version)
        }
        writing = task
        try await task.value
    }

    /// Changes one VM's record and returns when the change is durable.
    func record(machine index: Int, _ change: @Sendable (inout MachineRecord) -> Void) async throws {
        try await record { change(&$0.machines[index]) }
    }

    /// Ends the run: nothing of it is held any more. A write that is under way would make its file again, and is awaited.
    func close() async throws {
        isClosed = true
        while let writing { _ = await writing.result }
        try directory.remove(run.id)
    }
}
