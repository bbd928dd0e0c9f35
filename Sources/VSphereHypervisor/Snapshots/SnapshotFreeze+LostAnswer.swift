internal import Hypervisor

extension SnapshotFreeze {
    /// Checks whether the server made the snapshot although it failed, or its answer got lost.
    ///
    /// - Returns: the snapshot, if it is as good as if nothing had been; nil: there is none.
    /// - Throws: HypervisorError with `.stop` when that cannot be known now: the freeze state says what may be left.
    func adopt(
        after error: any Error, _ deadline: ContinuousClock.Instant, _ end: ContinuousClock.Instant
    ) async throws -> (TreeSnapshot, power: String)? {
        guard mayHaveLeftSomething(error) else { return nil }
        let end = max(end, .now + .milliseconds(500))
        let isAnswerLost = (error as? CallFailure)?.mayHaveActed == true
        // The server may be at the call just now.
        if isAnswerLost { try? await Task.sleep(for: Self.lostAnswerDelay) }
        var view = try await inspect(end, after: error)
        if view.mayBeStale, view.state?.snapshots(named: name).isEmpty == true {
            try? await Task.sleep(for: Self.lostAnswerDelay)
            view = try await self.inspect(end, after: error)
        }
        if isAnswerLost, view.state?.snapshots(named: name).isEmpty == true,
            let task = view.creation
        {
            // Ours, whose answer got lost, or somebody else's, which is in our way.
            let outcome = try? await poller.wait(for: task.reference, on: vm, until: deadline)
            view = try await self.inspect(end, after: error)
            if outcome?.task == nil, view.creation != nil {
                throw HypervisorError(
                    .timedOut, "the server is still creating a VM snapshot, which may be this run's: \(error)",
                    remedy: .stop)
            }
        }
        guard let state = view.state else { return nil }
        guard let snapshot = state.snapshots(named: name).first else { return nil }
        let isSound = (error as? CallFailure).map { $0.fault == nil || $0.isTransient } ?? true
        if isSound { return (snapshot, state.power) }
        // The server says that it failed: what it left is not consistent.
        try await remove(snapshot, end, after: error)
        return nil
    }

    /// What was never sent can have had no effect.
    private func mayHaveLeftSomething(_ error: any Error) -> Bool {
        if let failure = error as? CallFailure { return ![.unreachable, .certificate].contains(failure.kind) }
        // Without a session there was no call.
        return ![.unreachable, .misconfigured].contains((error as? HypervisorError)?.code)
    }

    private func inspect(_ end: ContinuousClock.Instant, after error: any Error) async throws -> VMTaskView {
        do {
            return try await session.inspect(vm, until: end)
        } catch let problem {
            throw HypervisorError(
                .callFailed, "it cannot be checked whether a VM snapshot was created (\(problem)), after: \(error)",
                remedy: .stop)
        }
    }

    private func remove(_ snapshot: TreeSnapshot, _ end: ContinuousClock.Instant, after error: any Error) async throws {
        let removal = SnapshotRemoval(session: session, poller: poller, vm: vm, name: name, deadline: end)
        do {
            _ = try await removal.run(snapshot.reference)
        } catch let problem {
            throw HypervisorError(
                .callFailed, "a VM snapshot that failed could not be removed (\(problem)), after: \(error)",
                remedy: .stop)
        }
    }

    /// Nothing is held: says so, and why.
    func fallBack(because error: any Error) async throws -> Never {
        try await record(nil)
        if let error = error as? HypervisorError {
            throw HypervisorError(
                error.code, error.message, remedy: .fallBack, cause: error.cause, reason: error.reason)
        }
        guard let failure = error as? CallFailure else { throw error }
        if failure.fault?.kind == .missing {
            throw HypervisorError(.noSuchMachine, "the VM was removed from the inventory meanwhile", remedy: .fallBack)
        }
        if failure.fault?.kind == .quiesce {
            throw HypervisorError(
                .notQuiesced, "the guest could not be quiesced: \(failure)", remedy: .fallBack, reason: failure.reason)
        }
        throw failure.error("could not create a VM snapshot", remedy: .fallBack)
    }

    func fallingBack<Value>(_ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch {
            try await fallBack(because: error)
        }
    }
}
