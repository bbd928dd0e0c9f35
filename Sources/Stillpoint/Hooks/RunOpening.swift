internal import Hypervisor
internal import Logging
internal import SnapshotManagers
internal import Storage

/// Opens a run for a plan: one open run a VM, also when two hooks come at once.
struct RunOpening {
    /// How long a VM of another run is waited for when the manager gives no deadline.
    private static let patience = Duration.seconds(10)

    let directory: StateDirectory
    let invocation: Invocation
    let scope: Scope
    let deadline: ContinuousClock.Instant?
    let log: Logger

    /// - Returns: the journal of the new run, and why some VMs must not be touched, by their id.
    func open(for plan: [PlannedMachine]) async throws -> (Journal, taken: [String: String]) {
        try directory.prepare()
        let end = deadline.map { $0 - .seconds(1) } ?? .now + Self.patience
        while true {
            // Nothing is awaited while the lock is held, so nobody waits long for it.
            if let opened = try attempt(plan, mustWait: .now < end) { return opened }
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    private func attempt(_ plan: [PlannedMachine], mustWait: Bool) throws -> (Journal, taken: [String: String])? {
        let claims = try directory.lockForClaims()
        defer { withExtendedLifetime(claims) {} }
        let taken = try takenMachines()
        let isBlocked = plan.contains { $0.machine.power == .running && taken[$0.machine.id] != nil }
        if isBlocked && mustWait { return nil }
        let run = makeRun(plan)
        let lock = try directory.lock(run: run.id, waiting: false)
        try directory.write(run)
        return (Journal(run, in: directory, lock: lock), taken)
    }

    private func takenMachines() throws -> [String: String] {
        var taken: [String: String] = [:]
        for id in try directory.openRunIDs() {
            do {
                let run = try directory.read(id)
                for machine in run.machines where machine.hold != nil {
                    taken[machine.id] = "the run \(id) has not released it yet"
                }
                // What is planned is as good as held, as long as the process that planned it lives.
                guard run.phase == .freezing, try directory.lock(run: id, waiting: false) == nil else { continue }
                for machine in run.machines where machine.consistency == nil && machine.hold == nil {
                    taken[machine.id] = "the run \(id) is freezing it"
                }
            } catch {
                log.error("\(error)")
            }
        }
        return taken
    }

    private func makeRun(_ plan: [PlannedMachine]) -> Run {
        Run(
            id: makeRunID(), manager: invocation.manager.rawValue, targets: scope.targets,
            recursiveTargets: scope.recursiveTargets, snapshots: invocation.snapshots, phase: .freezing,
            machines: plan.map { planned in
                MachineRecord(
                    hypervisor: planned.hypervisor.name, id: planned.machine.id, name: planned.machine.name,
                    datasets: planned.datasets, notes: planned.notes)
            })
    }
}
