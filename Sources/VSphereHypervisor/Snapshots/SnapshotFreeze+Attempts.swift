internal import Hypervisor
internal import Support

extension SnapshotFreeze {
    /// What an attempt brought.
    enum Attempt {
        case made(TreeSnapshot, power: String)
        case failed(any Error)
        /// The task did not end in time.
        case late(task: MoRef)

        var isLate: Bool {
            if case .late = self { return true }
            return false
        }
    }

    func snapshot(
        before deadline: ContinuousClock.Instant, end: ContinuousClock.Instant
    ) async throws -> (TreeSnapshot, power: String) {
        let creation = CreateSnapshotCall(vm: vm, name: name, strategy: request.strategy)
        var isExtended = try await fallingBack { try await session.open(until: deadline).content.version.hasSnapshotEx }
        var backoff = Backoff(until: min(deadline, .now + Self.maxRetryTime))
        var quiesceFailures = 0
        while true {
            var attempt = await attempt(creation.call(isExtended: isExtended), deadline)
            if case .late(let task) = attempt { attempt = try await cancel(task, end) }
            guard case .failed(let error) = attempt else {
                if case .made(let snapshot, let power) = attempt { return (snapshot, power) }
                throw HypervisorError(
                    .timedOut, "the server is still creating the VM snapshot; cancelling its task had no effect",
                    remedy: .stop)
            }
            if isExtended, (error as? CallFailure)?.fault?.name == "MethodNotFound" {
                isExtended = false
                continue
            }
            if let (snapshot, power) = try await adopt(after: error, deadline, end) { return (snapshot, power) }
            let kind = (error as? CallFailure).map { $0.fault?.kind ?? ($0.isTransient ? .transient : .permanent) }
            switch kind {
            case .transient:
                let failure = error as? CallFailure
                // A server that is that slow may still get to it: who asks again would have two.
                if failure?.kind != .timedOut, await backoff.wait() { continue }
                if let failure, failure.mayHaveActed {
                    throw failure.error(
                        "it is not known whether the server still creates the VM snapshot", remedy: .stop)
                }
            case .quiesce:
                quiesceFailures += 1
                if quiesceFailures < quiesceAttempts, await backoff.wait() { continue }
            default: break
            }
            try await fallBack(because: error)
        }
    }

    private func attempt(_ call: SOAPCall, _ deadline: ContinuousClock.Instant) async -> Attempt {
        do {
            let (task, outcome) = try await poller.run(on: vm, until: deadline, isConfirmed: treeShowsResult) {
                try await session.start(call, until: deadline)
            }
            return judge(task, outcome)
        } catch {
            return .failed(error)
        }
    }

    /// Whether the tree has the snapshot that the task says it made.
    private var treeShowsResult: @Sendable (TaskState.Progress, VMState?) -> Bool {
        { progress, state in
            guard case .done(let result) = progress, let state else { return true }
            return state.snapshots.contains { $0.reference == result }
        }
    }

    private func judge(_ task: MoRef, _ outcome: TaskPoller.Outcome) -> Attempt {
        switch outcome.task {
        case nil, .running: return .late(task: task)
        case .failed(let fault): return .failed(CallFailure(fault))
        case .unknown: return .failed(TaskState.unknownEnd)
        case .done(let result):
            guard let state = outcome.vm else {
                return .failed(
                    CallFailure(VimFault(name: "ManagedObjectNotFound", message: "the VM is gone", object: vm)))
            }
            guard let snapshot = state.snapshots.first(where: { $0.reference == result }) else {
                return .failed(
                    CallFailure(.garbled, "the server reports a VM snapshot that is not in the VM's snapshot tree"))
            }
            return .made(snapshot, power: state.power)
        }
    }

    /// Has a task stopped that takes too long, and sees what became of it.
    private func cancel(_ task: MoRef, _ end: ContinuousClock.Instant) async throws -> Attempt {
        let end = max(end, .now + .milliseconds(500))
        _ = try? await session.call(SOAPCall("CancelTask", on: task), until: end)
        let outcome = try? await poller.wait(for: task, on: vm, until: end, isConfirmed: treeShowsResult)
        guard let outcome, case let attempt = judge(task, outcome), !attempt.isLate else { return .late(task: task) }
        guard case .failed = attempt else { return attempt }
        return .failed(
            HypervisorError(
                .timedOut, "the VM snapshot was not created before the manager's deadline; the task was cancelled",
                remedy: .fallBack, reason: .noTime))
    }
}
