internal import Configuration
internal import Engine
internal import Hypervisor
internal import Logging
internal import RunState
internal import SnapshotManagers
internal import Support
internal import ZFS

extension PreSnapshot {
    /// The VMs that the snapshot concerns.
    struct Discovery: Sendable {
        let plan: [PlannedVM]
        /// Those that `ignore` leaves out.
        let ignored: [PlannedVM]
        /// Those that were other runs' before the hypervisors were asked.
        let busy: Set<VMKey>
        /// Where the snapshot concerns none and was asked for by hand: those that it would with the datasets below its own.
        let below: [PlannedVM]
        /// What each hypervisor has answered: nil for its VMs, else why there is no answer.
        let answers: [(hypervisor: String, problem: String?)]
    }

    /// A hypervisor does not tell of its VMs, and the configuration wants no snapshot then.
    private struct UnknownMachinesError: Error, CustomStringConvertible {
        let hypervisor: String
        let cause: any Error
        var description: String {
            "[hypervisor \(printable(hypervisor))]: \(cause); with on_failure = abort there is no snapshot where it is not known "
                + "which VMs it concerns"
        }
    }

    /// Asks every hypervisor for its VMs and plans what to try for those that the snapshot concerns.
    /// - Throws: UnknownMachinesError; HypervisorError where all of them are configured wrongly.
    func discoverVMs(_ call: Call, _ claim: RunClaim, _ hypervisors: Hypervisors) async throws -> Discovery {
        // What is wrong with the state directory is said when the run is opened.
        let busy = (try? claim.busyKeys()) ?? []
        var plan: [PlannedVM] = []
        var ignored: [PlannedVM] = []
        var below: [PlannedVM] = []
        var misconfigured: [HypervisorError] = []
        var answers: [(hypervisor: String, problem: String?)] = []
        let all = try await hypervisors.enabled()
        for (hypervisor, answer) in await hypervisors.machines(before: call.timeout?.work, of: all) {
            do {
                let machines = try answer.get()
                answers.append((hypervisor.name, nil))
                let found = call.planner.survey(machines, of: hypervisor)
                for doubt in call.planner.doubts(about: machines, planned: found) { context.log.warning("\(doubt)") }
                plan += found.filter { !$0.isIgnored }
                ignored += found.filter(\.isIgnored)
                if plan.isEmpty { below += machinesBelow(call, machines, hypervisor) }
            } catch {
                if let error = error as? HypervisorError, error.code == .misconfigured { misconfigured.append(error) }
                // With no other one there is nothing to be done for anybody, and it is said by the exit code.
                if misconfigured.count == all.count { throw misconfigured[0] }
                if call.abortsWithoutVMs { throw UnknownMachinesError(hypervisor: hypervisor.name, cause: error) }
                answers.append((hypervisor.name, "\(error)"))
                context.log.error("\(error)")
                let section = "[hypervisor \(printable(hypervisor.name))]"
                context.log.warning("\(section): its VMs are not touched, and crash-consistent in the snapshot")
            }
        }
        return Discovery(plan: plan.withoutLeftBehind, ignored: ignored, busy: busy, below: below, answers: answers)
    }

    /// A manager calls for many datasets that hold no VM; a person names the one that they mean.
    private func machinesBelow(
        _ call: Call, _ machines: [VirtualMachine], _ hypervisor: any Hypervisor
    ) -> [PlannedVM] {
        guard [.byHand, .stillpoint].contains(invocation.manager), call.scope.recursiveTargets.isEmpty else {
            return []
        }
        var wider = call.planner
        wider.scope = call.scope.withChildren
        let targets = Set(call.scope.targets)
        guard !targets.isSuperset(of: wider.scope.datasets(of: call.planner.storage)) else { return [] }
        return wider.plan(machines, of: hypervisor)
    }

    /// Says to a person that their VMs are on datasets that this snapshot does not take.
    func explainNothing(_ below: [PlannedVM], _ call: Call) {
        guard !below.isEmpty else { return explainNothing() }
        let targets = call.scope.targets.map(\.rawValue).joined(separator: ", ")
        let names = Set(below.map { printable($0.machine.name) }).sorted()
        let shown = shortList(names, most: 10)
        let snapshots = invocation.snapshots.map(\.rawValue)
        let arguments = (snapshots.isEmpty ? call.scope.targets.map(\.rawValue) : snapshots).map(shellQuoted)
        let program = invocation.manager == .stillpoint ? "stillpoint snapshot" : "pre-snapshot"
        let line =
            "nothing was frozen: no VM has a disk on \(targets) itself; VMs with disks below it: \(shown). For zfs snapshot -r: "
            + "\(program) -r \(arguments.joined(separator: " "))"
        context.log.warning("\(line)")
    }

    /// Says to who takes a snapshot for its VMs' sake that it holds none that is frozen.
    func explainNothing() {
        guard invocation.manager == .stillpoint else { return }
        let targets = invocation.targets
        let reason: String
        if configuration.hypervisors.allSatisfy({ !$0.isEnabled }) {
            reason = "no hypervisor is enabled (enabled = yes in its [hypervisor NAME])"
        } else if configuration.ignoresAll(types: invocation.types)
            || invocation.recursion == .no && configuration.ignores(targets, types: invocation.types)
        {
            reason = "the configuration ignores all of them (strategy = ignore)"
        } else {
            let names = targets.map(\.rawValue).joined(separator: ", ")
            reason = "none that is known and not ignored has a disk on \(names)"
        }
        context.log.info("no VM \(invocation.isDryRun ? "would be" : "was") frozen: \(reason)")
    }

    /// `--dry-run`: what would be done, which line of the configuration wants it, and what stands in its way.
    func describe(_ found: Discovery, _ call: Call) async throws -> ExitCode {
        try await checkWorkFolders(found.plan, call)
        for remark in call.planner.remarks { context.log.info("\(remark)") }
        let survey = ObstacleSurvey(maxParallel: configuration.maxParallel, ramDirectory: configuration.ramDirectory)
        let runs = try? OverlayRuns(
            in: StateDirectory(configuration.stateDirectory), maxHold: configuration.maxHold)
        let answers = await survey.ask(found.plan, overlayRuns: runs)
        for planned in found.plan + found.ignored {
            let entry = call.planner.entry(of: planned, answers[planned.key], runs)
            for line in entry.dryRunLines { context.log.info("\(line)") }
        }
        guard !found.plan.isEmpty else { return .done }
        for shortage in await foreseenShortages(call.scope) { context.log.warning("\(shortage)") }
        return .done
    }
}
