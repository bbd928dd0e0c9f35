internal import Hypervisor
internal import Storage

/// Brings one VM to its still point: a VM snapshot, seen to be what it should be.
///
/// The hold is recorded before the server is asked, by the snapshot's name; so an answer that gets lost, at whatever
/// moment, leaves nothing that a release would not find. Nothing is made twice: after each failure the VM's tree is
/// looked at first.
struct SnapshotFreeze: Sendable {
    let session: Session
    let watch: TaskWatch
    let details: MachineDetails
    let request: FreezeRequest
    let quiesceAttempts: Int
    let record: RecordHold

    /// How long it may take where the manager waits for ever.
    private static let unlimited = Duration.seconds(180)
    /// What is kept of the time for cancelling a task and looking at what it left.
    private static let settling = Duration.milliseconds(1500)
    /// How long somebody else's task, or a lock, is waited for at most.
    private static let patience = Duration.seconds(60)
    /// How long a server may still be at a call after its connection broke.
    private static let afterglow = Duration.milliseconds(100)

    private var machine: Reference { details.reference }
    private var name: String { snapshotName(run: request.run) }

    func run() async throws -> FreezeResult {
        if let obstacle = details.obstacle(to: request.strategy, targets: request.disks.map(\.target)) {
            throw HypervisorError(.notQuiesced, obstacle, remedy: .fallBack)
        }
        let end = request.deadline ?? .now + Self.unlimited
        let deadline = end - min(Self.settling, max(.zero, (end - .now) / 3))
        try await record(Hold(step: .preparing, snapshot: name, disks: []))
        let (snapshot, power) = try await snapshot(before: deadline, end: end)
        try await record(Hold(step: .held, snapshot: name, reference: snapshot.reference.value, disks: []))
        return result(of: snapshot, power: power)
    }

    private func result(of snapshot: TreeSnapshot, power: String) -> FreezeResult {
        if request.strategy == .memory, snapshot.hasMemory { return FreezeResult(consistency: .memory) }
        if request.strategy == .quiesce, snapshot.isQuiesced { return FreezeResult(consistency: .quiesced) }
        let wanted = request.strategy == .memory ? "with the VM's RAM" : "quiesced"
        let why = power == "poweredOn" ? "" : "; the VM is not running any more"
        return FreezeResult(
            consistency: .crash, notes: ["the server made a VM snapshot, but says that it is not \(wanted)\(why)"])
    }
}

// MARK: making it

extension SnapshotFreeze {
    /// What an attempt brought.
    private enum Attempt {
        case made(TreeSnapshot, power: String)
        case failed(any Error)
        /// The task did not end in time.
        case late(task: Reference)

        var isLate: Bool {
            if case .late = self { return true }
            return false
        }
    }

    private func snapshot(
        before deadline: ContinuousClock.Instant, end: ContinuousClock.Instant
    ) async throws -> (TreeSnapshot, power: String) {
        let version = try await undoing { try await session.open().content.version }
        let call = SnapshotCreation(machine: machine, name: name, strategy: request.strategy).call(version)
        var backoff = Backoff(until: min(deadline, .now + Self.patience))
        var quiesceFailures = 0
        while true {
            var attempt = await attempt(call, deadline)
            if case .late(let task) = attempt { attempt = try await cancel(task, end) }
            guard case .failed(let error) = attempt else {
                if case .made(let snapshot, let power) = attempt { return (snapshot, power) }
                throw HypervisorError(
                    .timedOut, "the server is still making the VM snapshot, and did not stop when asked to",
                    remedy: .stop)
            }
            if let (snapshot, power) = try await adopt(after: error, deadline, end) { return (snapshot, power) }
            let sort = (error as? CallFailure).map { $0.fault?.sort ?? ($0.isTransient ? .transient : .permanent) }
            switch sort {
            case .transient:
                if await backoff.wait() { continue }
            case .quiesce:
                quiesceFailures += 1
                if quiesceFailures < quiesceAttempts, await backoff.wait() { continue }
            default: break
            }
            try await fallBack(because: error)
        }
    }

    private func attempt(_ call: Call, _ deadline: ContinuousClock.Instant) async -> Attempt {
        do {
            let (task, outcome) = try await watch.run(on: machine, until: deadline, isProved: isSeen) {
                try await session.start(call, until: deadline)
            }
            return judge(task, outcome)
        } catch {
            return .failed(error)
        }
    }

    /// Whether the tree has the snapshot that the task says it made.
    private var isSeen: @Sendable (TaskState.Progress, MachineState?) -> Bool {
        { progress, state in
            guard case .done(let result) = progress, let state else { return true }
            return state.snapshots.contains { $0.reference == result }
        }
    }

    private func judge(_ task: Reference, _ outcome: TaskWatch.Outcome) -> Attempt {
        switch outcome.task {
        case nil, .running: return .late(task: task)
        case .failed(let fault): return .failed(CallFailure(fault))
        case .unknown: return .failed(TaskState.untold)
        case .done(let result):
            guard let state = outcome.machine else {
                return .failed(
                    CallFailure(VimFault(name: "ManagedObjectNotFound", message: "the VM is gone", object: machine)))
            }
            guard let snapshot = state.snapshots.first(where: { $0.reference == result }) else {
                return .failed(
                    CallFailure(.garbled, "the server says that it made a VM snapshot, but does not have it"))
            }
            return .made(snapshot, power: state.power)
        }
    }

    /// Has a task stopped that takes too long, and sees what became of it.
    private func cancel(_ task: Reference, _ end: ContinuousClock.Instant) async throws -> Attempt {
        let end = max(end, .now + .milliseconds(500))
        _ = try? await session.call(Call("CancelTask", on: task), until: end)
        let outcome = try? await watch.wait(for: task, on: machine, until: end, isProved: isSeen)
        guard let outcome, case let attempt = judge(task, outcome), !attempt.isLate else { return .late(task: task) }
        guard case .failed = attempt else { return attempt }
        return .failed(
            HypervisorError(
                .timedOut, "the VM snapshot was not made before the manager's deadline; the task was cancelled",
                remedy: .fallBack))
    }
}

// MARK: after a failure

extension SnapshotFreeze {
    /// Looks whether the server made the snapshot though it failed, or its answer got lost.
    ///
    /// - Returns: the snapshot, if it is as good as if nothing had been; nil: there is none.
    /// - Throws: HypervisorError with `.stop` when that cannot be known now: the hold says what may be left.
    private func adopt(
        after error: any Error, _ deadline: ContinuousClock.Instant, _ end: ContinuousClock.Instant
    ) async throws -> (TreeSnapshot, power: String)? {
        guard mayHaveLeftSomething(error) else { return nil }
        let end = max(end, .now + .milliseconds(500))
        let isAnswerLost = (error as? CallFailure)?.mayHaveActed == true
        // The server may be at the call just now.
        if isAnswerLost { try? await Task.sleep(for: Self.afterglow) }
        var look = try await look(end, after: error)
        if look.isPerhapsTooEarly, look.state?.snapshots(named: name).isEmpty == true {
            try? await Task.sleep(for: Self.afterglow)
            look = try await self.look(end, after: error)
        }
        if isAnswerLost, look.state?.snapshots(named: name).isEmpty == true,
            let task = look.creation
        {
            // Ours, whose answer got lost, or somebody else's, which is in our way.
            let outcome = try? await watch.wait(for: task.reference, on: machine, until: deadline)
            look = try await self.look(end, after: error)
            if outcome?.task == nil, look.creation != nil {
                throw HypervisorError(
                    .timedOut, "the server is still making a VM snapshot, which may be this run's: \(error)",
                    remedy: .stop)
            }
        }
        guard let state = look.state else { return nil }
        guard let snapshot = state.snapshots(named: name).first else { return nil }
        let isSound = (error as? CallFailure).map { $0.fault == nil || $0.isTransient } ?? true
        if isSound { return (snapshot, state.power) }
        // The server says that it failed: what it left is no still point.
        try await remove(snapshot, end, after: error)
        return nil
    }

    /// What was never sent can have had no effect.
    private func mayHaveLeftSomething(_ error: any Error) -> Bool {
        if let failure = error as? CallFailure { return ![.unreachable, .certificate].contains(failure.kind) }
        // Without a session there was no call.
        return ![.unreachable, .misconfigured].contains((error as? HypervisorError)?.code)
    }

    private func look(_ end: ContinuousClock.Instant, after error: any Error) async throws -> MachineLook {
        do {
            return try await session.look(at: machine, until: end)
        } catch let problem {
            throw HypervisorError(
                .callFailed, "whether a VM snapshot was made cannot be seen (\(problem)), after: \(error)",
                remedy: .stop)
        }
    }

    private func remove(_ snapshot: TreeSnapshot, _ end: ContinuousClock.Instant, after error: any Error) async throws {
        let removal = SnapshotRemoval(session: session, watch: watch, machine: machine, name: name, deadline: end)
        do {
            _ = try await removal.run(snapshot.reference)
        } catch let problem {
            throw HypervisorError(
                .callFailed, "a VM snapshot that failed could not be removed (\(problem)), after: \(error)",
                remedy: .stop)
        }
    }

    /// Nothing is held: says so, and why.
    private func fallBack(because error: any Error) async throws -> Never {
        try await record(nil)
        if let error = error as? HypervisorError {
            throw HypervisorError(error.code, error.message, remedy: .fallBack, cause: error.cause)
        }
        guard let failure = error as? CallFailure else { throw error }
        if failure.fault?.sort == .missing {
            throw HypervisorError(.noSuchMachine, "the VM was removed from the inventory meanwhile", remedy: .fallBack)
        }
        if failure.fault?.sort == .quiesce {
            throw HypervisorError(.notQuiesced, "the guest could not be quiesced: \(failure)", remedy: .fallBack)
        }
        throw failure.error("no VM snapshot could be made", remedy: .fallBack)
    }

    private func undoing<Value>(_ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch {
            try await fallBack(because: error)
        }
    }
}
