internal import Configuration
internal import Engine
internal import Hypervisor
internal import Logging
internal import RunState
internal import SnapshotManagers
internal import Support
internal import ZFS

extension PreSnapshot {
    /// The VMs that the snapshot concerns; those that were other runs' before they were looked for; and, where the snapshot
    /// concerns none and was asked for by hand, those that it would with the datasets below its own.
    typealias Look = (plan: [PlannedMachine], takenBefore: Set<MachineKey>, below: [PlannedMachine])

    /// Nil when a hypervisor cannot be asked and the configuration wants no snapshot then.
    func look(
        _ planner: Planner, _ opening: RunOpening, _ hypervisors: Hypervisors, _ deadline: ContinuousClock.Instant?
    ) async throws -> Look? {
        // What is wrong with the state directory is said when the run is opened.
        let takenBefore = (try? opening.taken()) ?? []
        return try await plan(planner, hypervisors, deadline).map { ($0.plan, takenBefore, $0.below) }
    }

    private func plan(
        _ planner: Planner, _ hypervisors: Hypervisors, _ deadline: ContinuousClock.Instant?
    ) async throws -> (plan: [PlannedMachine], below: [PlannedMachine])? {
        var plan: [PlannedMachine] = []
        var below: [PlannedMachine] = []
        var misconfigured: [HypervisorError] = []
        let all = try await hypervisors.all()
        for (hypervisor, answer) in await hypervisors.machines(before: deadline, of: all) {
            do {
                let machines = try answer.get()
                let planned = planner.plan(machines, of: hypervisor)
                warn(ofUnresolved: machines, planned: planned, by: planner)
                plan += planned
                if plan.isEmpty { below += self.below(planner, machines, hypervisor) }
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
        return (plan, below)
    }

    /// A manager calls for many datasets that hold no VM; a person names the one that they mean.
    private func below(
        _ planner: Planner, _ machines: [VirtualMachine], _ hypervisor: any Hypervisor
    ) -> [PlannedMachine] {
        guard invocation.manager == .byHand, planner.scope.recursiveTargets.isEmpty else { return [] }
        var wider = planner
        wider.scope = planner.scope.withChildren
        let targets = Set(planner.scope.targets)
        guard !targets.isSuperset(of: wider.scope.datasets(of: planner.storage)) else { return [] }
        return wider.plan(machines, of: hypervisor)
    }

    /// Says to a person that their VMs are on datasets that this snapshot does not take.
    func explainNothing(_ below: [PlannedMachine], _ planner: Planner) {
        guard !below.isEmpty else { return }
        let targets = planner.scope.targets.map(\.rawValue).joined(separator: ", ")
        let names = Set(below.map { printable($0.machine.name) }).sorted()
        let shown = names.prefix(10).joined(separator: ", ") + (names.count > 10 ? " and \(names.count - 10) more" : "")
        let snapshots = invocation.snapshots.map(\.rawValue)
        let arguments = (snapshots.isEmpty ? planner.scope.targets.map(\.rawValue) : snapshots).map(shellQuoted)
        let line =
            "nothing was frozen: no VM has a disk on \(targets) itself, and below it have: \(shown). For zfs snapshot -r: "
            + "pre-snapshot -r \(arguments.joined(separator: " "))"
        context.log.warning("\(line)")
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
