internal import Hypervisor
internal import Logging
internal import Storage

extension PreSnapshot {
    /// The VMs that the snapshot concerns, and those that were other runs' before they were looked for.
    typealias Look = (plan: [PlannedMachine], takenBefore: Set<MachineKey>)

    /// Nil when a hypervisor cannot be asked and the configuration wants no snapshot then.
    func look(
        _ planner: Planner, _ opening: RunOpening, _ hypervisors: Hypervisors, _ deadline: ContinuousClock.Instant?
    ) async throws -> Look? {
        // What is wrong with the state directory is said when the run is opened.
        let takenBefore = (try? opening.taken()) ?? []
        return try await plan(planner, hypervisors, deadline).map { ($0, takenBefore) }
    }

    private func plan(
        _ planner: Planner, _ hypervisors: Hypervisors, _ deadline: ContinuousClock.Instant?
    ) async throws -> [PlannedMachine]? {
        var plan: [PlannedMachine] = []
        var misconfigured: [HypervisorError] = []
        let all = try await hypervisors.all()
        for (hypervisor, answer) in await hypervisors.machines(before: deadline, of: all) {
            do {
                let machines = try answer.get()
                let planned = planner.plan(machines, of: hypervisor)
                warn(ofUnresolved: machines, planned: planned, by: planner)
                plan += planned
            } catch {
                if let error = error as? HypervisorError, error.code == .misconfigured { misconfigured.append(error) }
                // With no other one there is nothing to be done for anybody, and it is said by the exit code.
                if misconfigured.count == all.count { throw misconfigured[0] }
                context.log.error("\(error)")
                if wantsNone(planner) { return nil }
                let section = "[hypervisor \(printable(hypervisor.name))]"
                context.log.warning("\(section): its VMs are left as they are, crash-consistent in the snapshot")
            }
        }
        return plan
    }

    /// A VM that may be concerned is not left out without a word. Those that are planned say it in their report.
    private func warn(
        ofUnresolved machines: [VirtualMachine], planned: [PlannedMachine], by planner: Planner
    ) {
        let known = Set(planned.map(\.machine.id))
        for machine in machines where !known.contains(machine.id) {
            guard let disks = machine.unresolved, !disks.isEmpty, !isIgnored(machine, planner) else { continue }
            context.log.warning(
                "\(printable(machine.name)) may have a disk on what is snapshotted and is left as it is: \(disks.joined(separator: "; "))"
            )
        }
    }

    private func isIgnored(_ machine: VirtualMachine, _ planner: Planner) -> Bool {
        planner.scope.targets.allSatisfy {
            configuration.policy(machine: machine.name, on: $0).strategies == [.ignore]
        }
    }

    /// Whether there should be no snapshot when nothing is known of the VMs.
    func wantsNone(_ planner: Planner) -> Bool {
        planner.scope.targets.contains { configuration.policy(for: $0).onFailure == .abort }
    }
}
