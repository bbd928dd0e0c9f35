internal import Hypervisor

/// Waits for many tasks at once: each round is one call for all.
///
///     run, wait ──> unread ──read with its VM──> running ──read──> running …
///     state ──────────┐ │                           │
///                     │ │ the task has ended        │ the task has ended
///                     v v                           v
///                     ended ──read with its VM──> ended … ──the VM shows it──> Outcome
///
/// From any state the deadline leads to an `Outcome` without the task's end, and a refused read to an error. Of a task that
/// has ended by its first read the VM is there at once, in the same answer; `PollTiming` says when what is read.
///
/// WaitForUpdatesEx was measured in its place (one filter on a ListView, a long poll; 30 at once): it sees the end of tasks
/// of 1 s up to 0.1 s earlier, and takes two calls for each batch of new tasks, ModifyListView and the wait, where this takes
/// one: 2.5 round trips a VM against 2.1 at 1000 VMs with instant tasks. It saves no timing either, since without a batch
/// window it takes more still; and its long poll would hold a connection that must be broken off for a deadline, a lost
/// session or a logout.
actor TaskPoller {
    /// How a task ended.
    struct Outcome: Sendable {
        /// Nil: it did not end in time.
        let task: TaskState.Progress?
        /// The VM, seen after the end of the task; nil: it is not there any more.
        let vm: VMState?

        /// - Throws: CallFailure: the task's fault; `.garbled` and `.timedOut` where its end is not known.
        func requireSuccess() throws(CallFailure) {
            switch task {
            case .done: return
            case .failed(let fault): throw CallFailure(fault)
            case .unknown: throw TaskState.unknownEnd
            case nil, .running: throw CallFailure(.timedOut, "its task has not ended yet")
            }
        }
    }

    /// Whether a VM shows what the end of a task has made it.
    typealias Confirmation = @Sendable (TaskState.Progress, VMState?) -> Bool

    /// Reads the state of tasks and VMs in one call; those that are not there are left out.
    typealias Read =
        @Sendable (
            _ tasks: [MoRef], _ vms: [MoRef], _ deadline: ContinuousClock.Instant
        ) async throws -> [ObjectProperties]

    let read: Read
    var waiters: [UInt64: Waiter] = [:]
    private var lastID: UInt64 = 0
    /// Calls that start a task and have not returned.
    private var starting = 0
    private var lastStart = ContinuousClock.now
    private var isRunning = false
    private var sleeper: Task<Void, Never>?

    init(read: @escaping Read) {
        self.read = read
    }

    /// Starts a task and waits for its end.
    ///
    /// - Parameter isConfirmed: while it is not, the VM is read again a few times, since a server tells of a task and of
    ///   its VM at different moments.
    /// - Throws: what `start` throws; CallFailure `.dropped` where it was started, and the server does not tell.
    func run(
        on vm: MoRef, until deadline: ContinuousClock.Instant, isConfirmed: @escaping Confirmation = { _, _ in true },
        start: @Sendable () async throws -> MoRef
    ) async throws -> (task: MoRef, outcome: Outcome) {
        starting += 1
        let task: MoRef
        do {
            task = try await start()
        } catch {
            hasStarted()
            throw error
        }
        hasStarted()
        do {
            return (task, try await wait(for: task, on: vm, until: deadline, isConfirmed: isConfirmed))
        } catch {
            // Whatever it was: that a read could not be sent must not look as if the task had not been started.
            throw CallFailure(.dropped, "its task was started, and not seen to end: \(error)")
        }
    }

    /// Waits for the end of a task that runs already.
    func wait(
        for task: MoRef, on vm: MoRef, until deadline: ContinuousClock.Instant,
        isConfirmed: @escaping Confirmation = { _, _ in true }
    ) async throws -> Outcome {
        try await outcome(task, vm, .unread, deadline, isConfirmed)
    }

    /// A VM as it is now, read together with others; nil: it is not there any more.
    func state(of vm: MoRef, until deadline: ContinuousClock.Instant) async throws -> VMState? {
        try await outcome(nil, vm, .ended(.done(result: nil)), deadline, { _, _ in true }).vm
    }

    private func outcome(
        _ task: MoRef?, _ vm: MoRef, _ phase: Waiter.Phase, _ deadline: ContinuousClock.Instant,
        _ isConfirmed: @escaping Confirmation
    ) async throws -> Outcome {
        try await withCheckedThrowingContinuation { continuation in
            lastID += 1
            let now = ContinuousClock.now
            waiters[lastID] = Waiter(
                task: task, vm: vm, since: now, deadline: deadline, isConfirmed: isConfirmed,
                continuation: continuation, phase: phase, next: now + PollTiming.batchWindow)
            lastStart = now
            sleeper?.cancel()
            guard !isRunning else { return }
            isRunning = true
            Task { await self.rounds() }
        }
    }

    private func hasStarted() {
        starting -= 1
        lastStart = .now
        sleeper?.cancel()
    }

    private func rounds() async {
        while !waiters.isEmpty {
            let now = ContinuousClock.now
            giveUpLate(now)
            guard let due = waiters.values.map({ min($0.next, $0.deadline) }).min() else { break }
            let oldestUnread = waiters.values.filter { !$0.wasRead }.map(\.since).min() ?? due
            let time = PollTiming.readTime(
                due: due, oldestUnread: oldestUnread, lastStart: starting > 0 ? nil : lastStart)
            if time > now {
                await sleep(until: time)
            } else {
                await round()
            }
        }
        isRunning = false
    }

    /// Until then, or until somebody comes.
    private func sleep(until instant: ContinuousClock.Instant) async {
        let task = Task { _ = try? await Task.sleep(until: instant) }
        sleeper = task
        await task.value
        sleeper = nil
    }

    /// Those whose time is up; but each is read once.
    private func giveUpLate(_ now: ContinuousClock.Instant) {
        for (id, waiter) in waiters where waiter.deadline <= now && waiter.wasRead {
            waiters[id] = nil
            waiter.continuation.resume(returning: Outcome(task: waiter.end, vm: nil))
        }
    }
}
