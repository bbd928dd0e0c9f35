internal import Hypervisor

extension TaskPoller {
    /// Asks once for all, those first that are due first, and settles what has ended.
    func round() async {
        let batch = waiters.sorted { $0.value.next < $1.value.next }.prefix(PollTiming.maxBatch)
        let tasks = batch.filter { $0.value.end == nil }.compactMap(\.value.task)
        let vms = batch.filter(\.value.needsVM).map(\.value.vm)
        // Whoever's time is up first must hear of a server that does not answer any more.
        let nearest = batch.map(\.value.deadline).min() ?? .now
        let seen: [ObjectProperties]
        do {
            seen = try await read(tasks, vms, PollTiming.readDeadline(nearest: nearest, now: .now))
        } catch {
            for (id, _) in batch { fail(id, error) }
            return
        }
        let byReference = Dictionary(seen.map { ($0.object, $0) }, uniquingKeysWith: { first, _ in first })
        for (id, asked) in batch { settle(id, asked, byReference) }
    }

    /// - Parameter asked: as it was when it was asked for.
    private func settle(_ id: UInt64, _ asked: Waiter, _ seen: [MoRef: ObjectProperties]) {
        guard var waiter = waiters[id] else { return }
        waiter.wasRead = true
        let progress = asked.end ?? asked.task.flatMap { seen[$0] }.map { TaskState($0).progress } ?? .unknown
        let now = ContinuousClock.now
        if case .running = progress {
            waiter.phase = .running
            waiter.next = now + PollTiming.pause(age: now - waiter.since)
            waiters[id] = waiter
            return
        }
        waiter.phase = .ended(progress)
        waiter.next = now
        if asked.needsVM {
            let vm = seen[waiter.vm].map(VMState.init)
            waiter.confirmations += 1
            if waiter.isConfirmed(progress, vm) || waiter.confirmations > PollTiming.maxConfirmations {
                waiters[id] = nil
                waiter.continuation.resume(returning: Outcome(task: progress, vm: vm))
                return
            }
            waiter.next += PollTiming.minPause
        }
        waiters[id] = waiter
    }

    /// The server does not answer: a task is given up when its time is up, or trying again is no use.
    private func fail(_ id: UInt64, _ error: any Error) {
        guard var waiter = waiters[id] else { return }
        let isTransient = (error as? CallFailure)?.isTransient ?? ((error as? HypervisorError)?.remedy == .retry)
        waiter.failures += 1
        // Nothing is under way where no task is: who only reads a VM need not wait for a server that is gone, to which the
        // session has tried to log in several times already.
        let isPointless =
            waiter.task == nil && (error is HypervisorError || waiter.failures >= PollTiming.maxIdleFailures)
        guard isTransient, !isPointless, .now < waiter.deadline else {
            waiters[id] = nil
            waiter.continuation.resume(throwing: error)
            return
        }
        waiter.next = .now + PollTiming.maxPause
        waiters[id] = waiter
    }
}
