internal import Configuration
internal import Engine
internal import Glibc
internal import RunState
internal import SnapshotManagers
internal import Support
internal import ZFS

/// What pre-snapshot tells of that becomes no run.
extension PreSnapshot {
    var notice: RunNotice { RunNotice(context, configuration, invocation.configurationPath) }

    private func entry(_ ending: OutboxEntry.Ending, _ reason: String) -> OutboxEntry {
        let now = Int64(time(nil))
        var entry = OutboxEntry(
            ending, manager: invocation.manager.rawValue, began: now, ended: now, datasets: invocation.targets,
            reasons: [reason])
        entry.snapshots = invocation.snapshots
        return entry
    }

    /// Who has mistyped something, or is not root, is told at once, and nobody else.
    func tell(of error: any Error, before deadline: ContinuousClock.Instant?) async {
        let isCallers = error is InvocationError || error is UnknownDatasetError || error is MissingRightsError
        guard !invocation.isDryRun, !isCallers else { return }
        _ = await withDeadline(deadline) {
            // Whatever else failed, the configuration was read.
            await notice.withdraw(unanswered: [])
            await notice.tell(entry(.failed, "\(error)"))
        }
    }

    /// That the configuration is refused, and with it every run: told to those whom it names all the same, once until it is
    /// right again.
    static func tell(of error: ConfigurationError, _ invocation: Invocation, _ context: ProgramContext) {
        guard !invocation.isDryRun, context.user.id == 0,
            let rest = context.salvagedConfiguration(invocation.configurationPath)
        else { return }
        let pre = PreSnapshot(context: context, invocation: invocation, configuration: rest)
        let entry = pre.entry(.misconfigured, "no VM is frozen by any run until the configuration is right: \(error)")
        MainLoop().run { _ = await withDeadline(.now + .milliseconds(300)) { await pre.notice.tell(entry) } }
    }

    func tellLateness(before deadline: ContinuousClock.Instant?) async {
        guard !invocation.isDryRun else { return }
        let reason = "the manager waits no longer, and no VM was frozen yet: the snapshot is crash-consistent"
        _ = await withDeadline(deadline) { await notice.tell(entry(.failed, reason)) }
    }

    /// Which hypervisors did not answer, so that their VMs were not touched; one that does is told of anew the next time.
    /// - Parameter startsSender: false where whoever tells of the run starts it.
    func tellAnswers(_ found: Discovery, startingSender startsSender: Bool) async {
        var isTold = false
        await notice.withdraw(unanswered: found.answers.filter { $0.problem == nil }.map(\.hypervisor))
        for case (let hypervisor, let problem?) in found.answers {
            var entry = entry(
                .unanswered, "[hypervisor \(hypervisor)]: its VMs are not touched, and crash-consistent: \(problem)")
            entry.hypervisor = hypervisor
            await notice.tell(entry, startingSender: false)
            isTold = true
        }
        if isTold, startsSender { await notice.startSender() }
    }
}
