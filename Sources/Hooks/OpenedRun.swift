internal import Configuration
internal import Engine
internal import Logging
internal import RunState
internal import Support
internal import Synchronization

/// The run that pre-snapshot has opened, for the case that it must go before it is done with it.
final class OpenedRun: Sendable {
    private let opened = Mutex<(plan: [PlannedMachine], journal: Journal)?>(nil)

    func set(_ plan: [PlannedMachine], _ journal: Journal) {
        opened.withLock { $0 = (plan, journal) }
    }

    /// Leaves the run to post-snapshot, as a kill would; or, where there should be no snapshot, to the guard.
    /// - Parameter wantsNone: whether no snapshot is wanted when nothing is known of the VMs.
    func leave(_ log: Logger, wantsNone: Bool) async -> ExitCode {
        let trouble = "the manager waits no longer"
        guard let (plan, journal) = opened.withLock({ $0 }) else {
            log.error("\(trouble), and no VM was frozen yet: the snapshot will be crash-consistent")
            return wantsNone ? .notConsistent : .done
        }
        let late = zip(plan, await journal.run.machines).filter { $1.consistency == nil }
        log.error(
            "\(trouble), and not at rest are: \(late.map(\.1.name).joined(separator: ", ")); what was begun is undone")
        // The guard ends a run that nobody owns and that is not frozen, at once.
        if late.contains(where: { $0.0.onFailure == .abort }) { return .notConsistent }
        // The disk may be what hangs. To write nothing leaves the run to the guard, too.
        _ = await firstOf(deadline: .now + .milliseconds(100)) { try? await journal.record { $0.phase = .frozen } }
        return .done
    }
}
