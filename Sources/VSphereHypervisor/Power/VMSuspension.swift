internal import Hypervisor
internal import Support

/// Suspends one running VM: its processors stop, and its RAM is in a file beside its disks until it is powered on.
struct VMSuspension: Sendable {
    let session: Session
    let poller: TaskPoller
    let vm: MoRef
    /// When it is given up.
    let end: ContinuousClock.Instant

    /// The part of the time that is kept for cancelling a task and seeing what became of it.
    private static let cleanupReserve = Duration.milliseconds(1500)
    /// How long somebody else's task is waited for at most.
    private static let longestRepeating = Duration.seconds(60)
    /// How long a server may still be at a call after its connection broke.
    private static let lostAnswerDelay = Duration.milliseconds(100)

    private enum Attempt {
        /// However the VM looks then: a server tells of it a moment later, and somebody may have resumed it at once.
        case ended
        /// The task did not end in time.
        case late(task: MoRef)
        /// - leavesDoubt: it may have been carried out all the same.
        case failed(any Error, leavesDoubt: Bool)
    }

    /// - Throws: as ``ProcessorPausing/pause(id:before:)``.
    func run() async throws {
        let deadline = end - min(Self.cleanupReserve, max(.zero, (end - .now) / 3))
        var backoff = Backoff(until: min(deadline, .now + Self.longestRepeating))
        // A VM that is found suspended after an attempt that may have been carried out is so by us.
        var isOurs = false
        while true {
            let error: any Error
            switch await attempt(deadline) {
            case .ended: return
            case .late(let task): return try await cancel(task)
            case .failed(let problem, let leavesDoubt):
                error = problem
                isOurs = isOurs || leavesDoubt
            }
            guard let failure = error as? CallFailure, failure.wasSent else { throw unsent(error, isOurs) }
            // A server that is that slow may still get to it.
            if failure.kind == .timedOut { throw doubt(failure) }
            guard let state = try await look(after: failure, isOurs, deadline) else {
                throw HypervisorError.goneMeanwhile
            }
            if isOurs, state.power == "suspended" { return }
            try requireRunning(state)
            let mayPass = failure.isTransient || failure.fault?.name == "InvalidPowerState"
            if mayPass, await backoff.wait() { continue }
            if failure.mayHaveActed { throw doubt(failure) }
            throw failure.error("the VM could not be suspended\(state.questionNote)", remedy: .fallBack)
        }
    }

    private func attempt(_ deadline: ContinuousClock.Instant) async -> Attempt {
        do {
            let (task, outcome) = try await poller.run(on: vm, until: deadline, isConfirmed: showsEnd) {
                try await session.start(SOAPCall("SuspendVM_Task", on: vm), until: deadline)
            }
            switch outcome.task {
            case .done: return .ended
            case nil, .running: return .late(task: task)
            case .unknown: return .failed(TaskState.unknownEnd, leavesDoubt: true)
            case .failed(let fault): return .failed(CallFailure(fault), leavesDoubt: fault.leavesDoubt)
            }
        } catch {
            return .failed(error, leavesDoubt: (error as? CallFailure)?.mayHaveActed ?? false)
        }
    }

    private var showsEnd: TaskPoller.Confirmation {
        { progress, state in
            guard case .done = progress, let state else { return true }
            return state.power == "suspended"
        }
    }

    /// What the VM does after a failure; a suspension that is under way, and may be ours, is waited for.
    private func look(
        after failure: CallFailure, _ isOurs: Bool, _ deadline: ContinuousClock.Instant
    ) async throws -> VMState? {
        do {
            if failure.mayHaveActed { try await Task.sleep(for: Self.lostAnswerDelay) }
            let view = try await session.inspect(vm, until: end)
            guard isOurs, let task = view.suspension else { return view.state }
            let outcome = try await poller.wait(
                for: task.reference, on: vm, until: deadline, isConfirmed: showsEnd)
            if outcome.task == nil { try await cancel(task.reference) }
            return try await session.inspect(vm, until: end).state
        } catch let error as HypervisorError {
            throw error
        } catch {
            if isOurs { throw doubt(failure) }
            throw failure.error("the VM could not be suspended", remedy: .fallBack)
        }
    }

    /// Has a task stopped that takes too long. Returns where it has suspended the VM by then.
    private func cancel(_ task: MoRef) async throws {
        let end = max(end, .now + .milliseconds(500))
        _ = try? await session.call(SOAPCall("CancelTask", on: task), until: end)
        let outcome = try? await poller.wait(for: task, on: vm, until: end, isConfirmed: showsEnd)
        switch outcome?.task {
        case .done: return
        case .failed where outcome?.vm?.power == "suspended": return
        case .failed(let fault) where !fault.leavesDoubt:
            throw HypervisorError(
                .timedOut, "the VM was not suspended in time; the task was cancelled", remedy: .fallBack,
                reason: .noTime)
        default: break
        }
        let note = (try? await session.inspect(vm, until: .now + .milliseconds(500)).state)?.questionNote ?? ""
        throw HypervisorError(
            .timedOut, "the server is still suspending the VM; cancelling its task had no effect\(note)", remedy: .stop)
    }

    /// What somebody else has stopped stays so.
    private func requireRunning(_ state: VMState) throws {
        switch state.power {
        case "suspended":
            throw HypervisorError(.changed, "somebody else has suspended the VM meanwhile", remedy: .fallBack)
        case "poweredOff":
            throw HypervisorError(.changed, "the VM was powered off meanwhile", remedy: .fallBack)
        default: return
        }
    }

    private func unsent(_ error: any Error, _ isOurs: Bool) -> any Error {
        if isOurs {
            return HypervisorError(
                .callFailed, "it is not known whether the server suspends the VM", remedy: .stop, cause: error)
        }
        return HypervisorError.unsent(error, "the VM could not be suspended")
    }

    private func doubt(_ failure: CallFailure) -> HypervisorError {
        failure.error("it is not known whether the server suspends the VM", remedy: .stop)
    }
}

extension VimFault {
    /// The server has lost sight of what the host does, which may be what it was told to do.
    fileprivate var leavesDoubt: Bool {
        ["HostCommunication", "HostNotReachable", "HostNotConnected", "HostConnectFault", "Timedout"].contains(name)
    }
}

extension CallFailure {
    /// The server may have read the call.
    var wasSent: Bool { kind != .unreachable && kind != .certificate }
}

extension HypervisorError {
    /// For a call that no server has read.
    static func unsent(_ error: any Error, _ action: String) -> HypervisorError {
        if let failure = error as? CallFailure {
            return failure.error(action, remedy: failure.isTransient ? .retry : .fallBack)
        }
        let error = error as? HypervisorError
        return HypervisorError(
            error?.code ?? .callFailed, error?.message ?? action, remedy: error?.remedy == .retry ? .retry : .fallBack,
            cause: error?.cause, reason: error?.reason)
    }
}
