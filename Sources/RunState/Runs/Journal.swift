internal import Hypervisor
package import Support

/// The open run of this process; what it says is durable before anyone continues.
///
/// Changes that come in while a write is under way go to the disk together with the next one, so that many VMs
/// do not wait for one fsync each.
package actor Journal {
    private let directory: StateDirectory
    package private(set) var run: Run
    private let text = RunText()
    private var newest = 0
    private var durable = 0
    private var writing: Task<Void, any Error>?
    /// A write that nobody waits for any more. Done late, it would put an old state over a newer one: no other is begun
    /// before it has ended.
    private var givenUp: AbandonedCall<Void>?
    private var mayLoseWrites = false
    private var isClosed = false
    /// The last write that was lost while that was allowed.
    package private(set) var lostWrite: (any Error)?
    // The run stays this process's as long as the journal lives, or until it retires.
    private var lock: FileLock?

    package init(_ run: Run, in directory: StateDirectory, lock: FileLock?) {
        self.run = run
        self.directory = directory
        self.lock = lock
    }

    /// Lets the run continue, from now on, though its changes cannot be written.
    ///
    /// For the release: VMs must be released also when the disk is full, and to release again from an older state is
    /// safe.
    package func allowLostWrites() {
        mayLoseWrites = true
    }

    /// Changes the run and returns when the change is durable.
    /// - Throws: StateError `.notWritten`, unless writes may be lost.
    package func record(_ change: @Sendable (inout Run) -> Void) async throws {
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
            // for a task that has ended does not leave the actor: a waiter that came first would spin for ever.
            defer { writing = nil }
            try await awaitGivenUp(within: .milliseconds(100))
            let limit = longestWrite
            switch await act("writing the state file", within: limit, { try directory.write(snapshot, text: text) }) {
            case .ended(let result): try result.get()
            case .givenUp(let call):
                givenUp = call
                throw call.timeOut(after: limit)
            }
            durable = max(durable, version)
        }
        writing = task
        try await task.value
    }

    /// A release does not wait long for a disk that hangs.
    private var longestWrite: Duration { mayLoseWrites ? .seconds(5) : .seconds(60) }

    private func awaitGivenUp(within limit: Duration) async throws {
        guard let call = givenUp else { return }
        guard await call.result(within: limit) != nil else {
            throw StateError(
                code: .notWritten, description: "an earlier write of the state file of the run \(run.id) still hangs",
                cause: nil)
        }
        givenUp = nil
    }

    /// Changes the run in memory; on the disk it is with the next `record`.
    package func change(_ change: @Sendable (inout Run) -> Void) {
        change(&run)
        newest += 1
    }

    /// Changes what is known of a VM; recorded with what comes next.
    package func note(machine index: Int, _ change: @Sendable (inout VMRecord) -> Void) {
        if !isClosed { change(&run.machines[index]) }
    }

    /// Changes one VM's record and returns when the change is durable.
    /// - Throws: StateError.
    package func record(machine index: Int, _ change: @Sendable (inout VMRecord) -> Void) async throws {
        try await record { change(&$0.machines[index]) }
    }

    /// Leaves the run, which stays open: this journal writes nothing more, however late a call of its own comes back, and
    /// another may take it on.
    package func retire() async {
        isClosed = true
        while let writing { _ = await writing.result }
        lock = nil
    }

    /// Ends the run: nothing of it is held any more. A write that is under way would make its file again, and is awaited.
    /// - Throws: StateError, also where one hangs.
    package func close() async throws {
        isClosed = true
        while let writing { _ = await writing.result }
        do {
            try await awaitGivenUp(within: .seconds(5))
        } catch {
            isClosed = false
            throw error
        }
        try directory.remove(run.id)
    }
}
