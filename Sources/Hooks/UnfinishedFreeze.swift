internal import Configuration
internal import Engine
internal import Logging
internal import RunState
internal import Support
internal import Synchronization

/// The run that pre-snapshot is working on, for the case that it must exit before it is done with it.
final class UnfinishedFreeze: Sendable {
    private let claimed = Mutex<ClaimedRun?>(nil)
    private let isUndone = Mutex(false)

    /// Whether there is one, of which its post-snapshot or its watchdog tells.
    var hasRun: Bool { claimed.withLock { $0 != nil } }

    func begin(_ run: ClaimedRun) {
        claimed.withLock { $0 = run }
    }

    /// Leaves the run to whoever continues with it in this very process.
    /// - Returns: nil where none was opened.
    func end() async -> RunID? {
        guard
            let run = claimed.withLock({ claimed in
                defer { claimed = nil }
                return claimed
            })
        else { return nil }
        await run.journal.retire()
        return await run.journal.run.id
    }

    /// From now on there is nothing to snapshot: what was frozen is being released.
    func beginUndoing() {
        isUndone.withLock { $0 = true }
    }

    /// Leaves the run to post-snapshot, as a kill would; or, where there should be no snapshot, to the watchdog.
    /// - Parameter abortsWithoutVMs: whether no snapshot is wanted when nothing is known of the VMs.
    func leave(_ log: Logger, abortsWithoutVMs: Bool) async -> ExitCode {
        let trouble = "the manager waits no longer"
        guard let run = claimed.withLock({ $0 }) else {
            log.error("\(trouble), and no VM was frozen yet: the snapshot will be crash-consistent")
            return abortsWithoutVMs ? .failed : .done
        }
        // The watchdog ends a run that nobody owns and that is not frozen, at once.
        guard !isUndone.withLock({ $0 }) else {
            log.error("\(trouble); the run's watchdog undoes what is left of it")
            return .failed
        }
        let late = zip(run.plan, await run.journal.run.machines).filter { $1.consistency == nil }
        log.error(
            "\(trouble), and not at rest are: \(late.map(\.1.name).joined(separator: ", ")); what was begun is undone")
        if late.contains(where: { $0.0.onFailure == .abort }) { return .failed }
        // The disk may be what hangs. To write nothing leaves the run to the watchdog, too.
        _ = await withDeadline(.now + .milliseconds(200)) {
            try? await run.journal.record { $0.phase = .frozen }
        }
        return .done
    }
}
