internal import Hypervisor

/// Waits for many tasks at once: each round is one call for all of them.
///
/// A VM is read in the same call as its task, the first time: of a task that is done by then, the proof is there at
/// once. What could not be proved then is read in the next round, again for all.
actor TaskPoller {
    /// How a task ended.
    struct Outcome: Sendable {
        /// Nil: it did not end in time.
        let task: TaskState.Progress?
        /// The VM, seen after the end of the task; nil: it is not there any more.
        let vm: VMState?
    }

    /// Reads the state of tasks and VMs in one call; those that are not there are left out.
    typealias Read =
        @Sendable (
            _ tasks: [MoRef], _ vms: [MoRef], _ deadline: ContinuousClock.Instant
        ) async throws -> [ObjectProperties]

    /// A call that starts a task is followed by others'; so long after the last one they are taken for complete.
    private static let quiet = Duration.milliseconds(10)
    /// So long a round waits at most for calls in flight.
    private static let patience = Duration.milliseconds(150)
    /// The longest and the shortest time that a server has for a read.
    static let patient = Duration.seconds(30)
    static let hasty = Duration.milliseconds(500)
    static let shortest = Duration.milliseconds(25)
    static let longest = Duration.seconds(1)
    /// How often a VM on which no task is waited for is looked at in vain.
    static let looks = 3
    /// Tasks asked for in one call: servers compare each with each.
    static let most = 64

    struct Watched {
        /// Nil: only the VM is looked at.
        let task: MoRef?
        let vm: MoRef
        let deadline: ContinuousClock.Instant
        let since: ContinuousClock.Instant
        /// When it shall be read next.
        var next: ContinuousClock.Instant
        var reads = 0
        /// Reads that failed.
        var failures = 0
        /// It ended; the VM has still to be seen.
        var ended: TaskState.Progress?
        let isConfirmed: @Sendable (TaskState.Progress, VMState?) -> Bool
        let continuation: CheckedContinuation<Outcome, any Error>
    }

    let read: Read
    var watched: [UInt64: Watched] = [:]
    private var lastID: UInt64 = 0
    private var starting = 0
    private var lastStart = ContinuousClock.now
    private var isRunning = false
    private var sleeper: Task<Void, Never>?

    init(read: @escaping Read) {
        self.read = read
    }

    /// Starts a task and waits for its end.
    ///
    /// - Parameter isConfirmed: whether the VM, as it was read, is seen to be what the end of the task made it. While it is
    ///   not, it is read again a few times, since a server tells of a task and of its VM at different moments.
    /// - Throws: what `start` throws; CallFailure where the server does not tell.
    func run(
        on vm: MoRef, until deadline: ContinuousClock.Instant,
        isConfirmed: @escaping @Sendable (TaskState.Progress, VMState?) -> Bool = { _, _ in true },
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
        return (task, try await wait(for: task, on: vm, until: deadline, isConfirmed: isConfirmed))
    }

    /// Waits for the end of a task that runs already.
    func wait(
        for task: MoRef, on vm: MoRef, until deadline: ContinuousClock.Instant,
        isConfirmed: @escaping @Sendable (TaskState.Progress, VMState?) -> Bool = { _, _ in true }
    ) async throws -> Outcome {
        try await watch(task, vm, deadline, isConfirmed: isConfirmed)
    }

    /// A VM as it is now, read together with others; nil: it is not there any more.
    func state(of vm: MoRef, until deadline: ContinuousClock.Instant) async throws -> VMState? {
        let outcome = try await watch(nil, vm, deadline, ended: .done(result: nil)) { _, _ in true }
        return outcome.vm
    }

    private func watch(
        _ task: MoRef?, _ vm: MoRef, _ deadline: ContinuousClock.Instant, ended: TaskState.Progress? = nil,
        isConfirmed: @escaping @Sendable (TaskState.Progress, VMState?) -> Bool
    ) async throws -> Outcome {
        try await withCheckedThrowingContinuation { continuation in
            lastID += 1
            watched[lastID] = Watched(
                task: task, vm: vm, deadline: deadline, since: .now, next: .now + Self.quiet, ended: ended,
                isConfirmed: isConfirmed, continuation: continuation)
            lastStart = .now
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
        while !watched.isEmpty {
            let now = ContinuousClock.now
            giveUpLate(now)
            guard let due = watched.values.map({ min($0.next, $0.deadline) }).min() else { break }
            let waitingSince = watched.values.filter { $0.reads == 0 }.map(\.since).min() ?? due
            let isGathering = starting > 0 || now - lastStart < Self.quiet
            let start =
                isGathering && now < waitingSince + Self.patience
                ? max(due, starting > 0 ? waitingSince + Self.patience : lastStart + Self.quiet) : due
            if start > now {
                await sleep(until: start)
            } else {
                await round()
            }
        }
        isRunning = false
    }

    private func sleep(until instant: ContinuousClock.Instant) async {
        let task = Task { _ = try? await Task.sleep(until: instant) }
        sleeper = task
        await task.value
        sleeper = nil
    }

    private func giveUpLate(_ now: ContinuousClock.Instant) {
        for (id, one) in watched where one.deadline <= now && one.reads > 0 {
            watched[id] = nil
            one.continuation.resume(returning: Outcome(task: one.ended, vm: nil))
        }
    }
}
