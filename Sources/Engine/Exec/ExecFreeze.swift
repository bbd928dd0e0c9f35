internal import Hypervisor
internal import JSON
internal import Logging
internal import RunState
internal import Support

/// Has a program of the administrator's own freeze and release one VM.
///
/// A freeze that was not answered may have frozen all the same: it is released, at once by this process, or by whoever
/// finds its record.
struct ExecFreeze: Sendable {
    let program: ExecProgram
    let subject: ExecRequest.Subject
    /// How long a call may take where the manager gives no deadline, or a later one.
    let timeout: Duration

    /// Less than that no program is started for.
    private static let shortest = Duration.milliseconds(200)
    /// How long what is late takes to be killed.
    private static let killing = Duration.seconds(1)

    /// Freezes.
    /// - Returns: what the VM got, and what must be undone then: to be recorded by the caller.
    /// - Throws: HypervisorError; with `.fallBack` nothing is held and nothing is recorded any more.
    func freeze(
        before deadline: ContinuousClock.Instant?, record: @escaping RecordFreezeState
    ) async throws -> (FreezeResult, FreezeState) {
        let begin = ContinuousClock.now
        // Should it fail, it is called once more in what is left.
        let limit = min(timeout, deadline.map { begin.duration(to: $0 - Self.killing) * 3 / 5 } ?? timeout)
        guard limit >= Self.shortest else {
            throw refusal("the manager's deadline leaves no time for it", remedy: .fallBack, .noTime)
        }
        var state = FreezeState(
            step: .switching, snapshot: "stillpoint-\(subject.run)", strategy: .exec(path: program.path), disks: [])
        do {
            let request = ExecRequest(.freeze, subject, within: limit, state: nil)
            let answer = try await call(request, limit, state, record)
            state.step = .held
            state.programState = answer.state
            if answer.isFrozen { state.stoppedAt = unixMilliseconds() }
            let took = begin.duration(to: .now)
            let notes = answer.notes
            return (
                FreezeResult(consistency: answer.consistency ?? .crash, frozenFor: took, notes: notes), state
            )
        } catch let failure as ExecProgram.Failure {
            try await undo(failure, state, deadline, record)
            throw refusal(failure.description, remedy: .fallBack)
        }
    }

    private func undo(
        _ failure: ExecProgram.Failure, _ state: FreezeState, _ deadline: ContinuousClock.Instant?,
        _ record: @escaping RecordFreezeState
    ) async throws {
        switch failure.extent {
        case .notBegun: return try await record(nil)
        case .underWay: throw refusal(failure.description, remedy: .stop)
        case .over: break
        }
        let limit = min(timeout, deadline.map { ContinuousClock.now.duration(to: $0 - Self.killing) } ?? timeout)
        guard limit >= Self.shortest else {
            throw refusal("\(failure); its release is left to post-snapshot or the watchdog", remedy: .stop)
        }
        do {
            let request = ExecRequest(.release, subject, within: limit, state: nil)
            _ = try await call(request, limit, state, record)
            try await record(nil)
        } catch let second as ExecProgram.Failure {
            throw refusal("\(failure); its release: \(second)", remedy: .stop)
        }
    }

    /// Releases; may be called again after a failure, from another process too.
    /// - Returns: what the program says of the snapshot, and what an administrator should know.
    /// - Throws: HypervisorError: the VM may be frozen still.
    func release(
        _ held: FreezeState, record: @escaping RecordFreezeState
    ) async throws -> (claim: Consistency?, notes: [String]) {
        try await endEarlierCall(held)
        var state = held
        state.step = .releasing
        let action: ExecRequest.Action = held.step == .held ? .release : .recover
        let known = held.programState.flatMap { try? JSON.decode(OpaqueJSON.self, from: Array($0.utf8)) }
        do {
            let request = ExecRequest(action, subject, within: timeout, state: known)
            let answer = try await call(request, timeout, state, record)
            return (answer.consistency, answer.notes)
        } catch let failure as ExecProgram.Failure {
            throw refusal("\(name): \(action.rawValue): \(failure)", remedy: .stop)
        }
    }

    /// One whose starter was killed must not freeze after it was released.
    private func endEarlierCall(_ held: FreezeState) async throws {
        guard let process = held.programProcess else { return }
        let mark = ExecProgram.mark(of: subject.run)
        let isGone = try await blocking("ending \(printable(program.path))", within: .seconds(5)) {
            process.endSession(marked: mark)
        }
        guard isGone else {
            throw refusal(
                "\(name): an earlier call of it (process \(process.id)) runs still and cannot be killed", remedy: .stop)
        }
    }

    private func call(
        _ request: ExecRequest, _ limit: Duration, _ state: FreezeState, _ record: @escaping RecordFreezeState
    ) async throws -> ExecAnswer {
        try await program.call(request, within: limit) { process in
            var state = state
            state.programProcess = process
            try await record(state)
        }
    }

    private var name: String { printable(program.path, limit: 300) }

    private func refusal(
        _ message: String, remedy: HypervisorError.Remedy, _ reason: ReasonCode = .programFailed
    ) -> HypervisorError {
        HypervisorError(.callFailed, message, remedy: remedy, reason: reason)
    }
}
