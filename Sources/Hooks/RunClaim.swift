internal import Engine
internal import Hypervisor
internal import Logging
internal import RunState
internal import SnapshotManagers
internal import Support

/// A run that pre-snapshot has opened.
struct ClaimedRun: Sendable {
    let plan: [PlannedVM]
    let journal: Journal
    /// Why some VMs must not be touched.
    let busy: [VMKey: BusyVM]
}

/// Opens a run for a plan: one open run a VM, also when two hooks come at once.
struct RunClaim {
    /// How long a VM of another run is waited for when the manager gives no deadline.
    private static let longestWait = Duration.seconds(10)

    let directory: StateDirectory
    let invocation: Invocation
    let scope: Scope
    let log: Logger
    /// How long a run may wait for its post-snapshot.
    let maxHold: Duration
    private let end: ContinuousClock.Instant

    /// - Parameter deadline: when the manager stops waiting.
    init(
        directory: StateDirectory, invocation: Invocation, scope: Scope, deadline: ContinuousClock.Instant?,
        maxHold: Duration, log: Logger
    ) {
        self.directory = directory
        self.invocation = invocation
        self.scope = scope
        self.log = log
        self.maxHold = maxHold
        end = deadline.map { Self.endOfWaiting(before: $0) } ?? .now + Self.longestWait
    }

    /// How long other runs' VMs are waited for: half of the time is left for freezing the others, since what is stuck is not
    /// released however long it is waited for.
    static func endOfWaiting(before deadline: ContinuousClock.Instant) -> ContinuousClock.Instant {
        let now = ContinuousClock.now
        return min(deadline - .seconds(1), now + now.duration(to: deadline) / 2)
    }

    /// Opens the run unless one of its VMs is another run's and may be waited for.
    /// - Parameter busyBefore: the VMs that were other runs' before the plan was made.
    /// - Returns: nil: wait.
    func open(for plan: [PlannedVM], busyBefore: Set<VMKey>) throws -> ClaimedRun? {
        try directory.prepare()
        // Nothing is awaited while the lock is held, so nobody waits long for it.
        return try directory.lockForClaims().withLock {
            directory.removeStrays()
            let busy = try busyMachines()
            if isBlocked(plan, by: busy) { return nil }
            // One that was released since is on other disks than it was seen on.
            if plan.contains(where: { busyBefore.contains($0.key) && busy[$0.key] == nil }) { return nil }
            try closeAbandonedRuns()
            let run = makeRun(plan)
            let lock = try directory.lock(run: run.id, waiting: false)
            try directory.write(run)
            return ClaimedRun(plan: plan, journal: Journal(run, in: directory, lock: lock), busy: busy)
        }
    }

    /// Waits until the other runs have released the plan's VMs. Those are on other disks then: plan anew.
    func wait(for plan: [PlannedVM]) async throws {
        while isBlocked(plan, by: try busyMachines()) {
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    /// The VMs that are other runs' now.
    func busyKeys() throws -> Set<VMKey> { Set(try busyMachines().keys) }

    private func isBlocked(_ plan: [PlannedVM], by busy: [VMKey: BusyVM]) -> Bool {
        .now < end && plan.contains { $0.machine.power == .running && busy[$0.key] != nil }
    }

    private func busyMachines() throws -> [VMKey: BusyVM] {
        var busy: [VMKey: BusyVM] = [:]
        for id in try directory.openRunIDs() {
            do {
                let run = try directory.read(id)
                for machine in run.machines where machine.freezeState != nil {
                    busy[machine.key] = BusyVM(machine, of: run, isOverdue: isOverdue(run, machine))
                }
                // What is planned is as good as held, as long as the process that planned it lives.
                guard run.phase == .freezing, try isOwned(id) else { continue }
                for machine in run.machines where machine.consistency == nil && machine.freezeState == nil {
                    busy[machine.key] = BusyVM(
                        reason: run.kind == .restore
                            ? "it is being restored" : "the run \(id) is freezing it")
                }
            } catch {
                log.error("\(error)")
            }
        }
        return busy
    }

    /// Whether its release has begun, or should have: what it holds is of the past.
    private func isOverdue(_ run: Run, _ machine: VMRecord) -> Bool {
        if run.phase == .releasing || run.phase == .released { return true }
        return run.earlyRelease != nil || machine.earlyRelease != nil || run.isAsOld(as: maxHold)
    }

    /// Whether a living process works on the run.
    private func isOwned(_ id: RunID) throws -> Bool {
        try directory.lock(run: id, waiting: false) == nil
    }

    /// Closes runs that hold nothing and whose post never came, when their dataset's next one begins. Another manager's is
    /// closed only after `max_hold`: its post has the snapshot to tell of yet.
    private func closeAbandonedRuns() throws {
        for id in try directory.openRunIDs() {
            // One with RAM waits for the post that tells the catalogue of it; else nobody knew of the dump any more.
            guard let run = try? directory.read(id),
                run.machines.allSatisfy({ $0.freezeState == nil && $0.ramDump == nil }),
                !Set(run.targets).isDisjoint(with: scope.targets), isOver(run), try !isOwned(id)
            else { continue }
            try directory.remove(id)
            Catalogue(directory).discardSavedDefinitions(of: id)
        }
    }

    private func isOver(_ run: Run) -> Bool {
        guard run.manager != invocation.manager.rawValue, run.phase == .frozen else { return true }
        return run.isAsOld(as: maxHold)
    }

    private func makeRun(_ plan: [PlannedVM]) -> Run {
        Run(
            id: .make(), manager: invocation.manager.rawValue, targets: scope.targets,
            recursiveTargets: scope.recursiveTargets, snapshots: invocation.snapshots, phase: .freezing,
            machines: plan.map { planned in
                VMRecord(
                    hypervisor: planned.hypervisor.name, id: planned.machine.id, name: planned.machine.name,
                    datasets: planned.datasets, notes: planned.notes)
            })
    }
}
