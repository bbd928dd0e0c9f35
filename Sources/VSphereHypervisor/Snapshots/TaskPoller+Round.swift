internal import Hypervisor

extension TaskPoller {
    /// Asks once for all that is due, and settles what has ended.
    func round() async {
        let batch = watched.sorted { $0.value.next < $1.value.next }.prefix(Self.most)
        let tasks = batch.filter { $0.value.ended == nil }.compactMap(\.value.task)
        // Of a task that runs on, the VM need not be looked at until it has ended.
        let vms = batch.filter { $0.value.reads == 0 || $0.value.ended != nil }.map(\.value.vm)
        // Whoever's time is over first must hear of a server that does not answer any more.
        let deadline = batch.map(\.value.deadline).min() ?? .now
        let seen: [ObjectProperties]
        do {
            seen = try await read(tasks, vms, max(min(deadline, .now + Self.patient), .now + Self.hasty))
        } catch {
            for (id, _) in batch { fail(id, error) }
            return
        }
        let byReference = Dictionary(seen.map { ($0.object, $0) }, uniquingKeysWith: { first, _ in first })
        for (id, asked) in batch {
            settle(id, asked, byReference, wasLookedAt: asked.reads == 0 || asked.ended != nil)
        }
    }

    private func settle(
        _ id: UInt64, _ asked: Watched, _ seen: [MoRef: ObjectProperties], wasLookedAt: Bool
    ) {
        guard var one = watched[id] else { return }
        one.reads += 1
        let progress =
            asked.ended ?? one.task.flatMap { seen[$0] }.map { TaskState($0).progress } ?? .unknown
        let now = ContinuousClock.now
        if case .running = progress {
            let age = now - one.since
            one.next = now + min(max(age / 8, Self.shortest), Self.longest)
            watched[id] = one
            return
        }
        let vm = wasLookedAt ? seen[one.vm].map(VMState.init) : nil
        if wasLookedAt, one.isConfirmed(progress, vm) || one.reads > 5 {
            watched[id] = nil
            one.continuation.resume(returning: Outcome(task: progress, vm: vm))
        } else {
            one.ended = progress
            one.next = now + (wasLookedAt ? Self.shortest : .zero)
            watched[id] = one
        }
    }

    /// The server does not answer: a task is given up when its time is over, or trying again is no use.
    private func fail(_ id: UInt64, _ error: any Error) {
        guard var one = watched[id] else { return }
        let isTransient = (error as? CallFailure)?.isTransient ?? ((error as? HypervisorError)?.remedy == .retry)
        one.failures += 1
        // Nothing is under way where no task is: who only looks need not wait for a server that is gone, to which the
        // session has tried to log in several times already.
        let isPointless = one.task == nil && (error is HypervisorError || one.failures >= Self.looks)
        guard isTransient, !isPointless, .now < one.deadline else {
            watched[id] = nil
            one.continuation.resume(throwing: error)
            return
        }
        one.next = .now + Self.longest
        watched[id] = one
    }
}
