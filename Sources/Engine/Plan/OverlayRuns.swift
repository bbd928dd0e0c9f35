internal import Hypervisor
package import RunState
internal import Support

/// The open runs, as far as a plan must know them: what comes of a VM that is on an overlay depends on whose that is.
package struct OverlayRuns: Sendable {
    private var runs: [(run: Run, status: RunStatus)] = []

    /// - Throws: StateError, also for a user who may not read the state.
    package init(in directory: StateDirectory, maxHold: Duration) throws {
        for id in try directory.openRunIDs() {
            // What cannot be read pre-snapshot cannot end either.
            guard let run = try? directory.read(id),
                let status = try? RunStatus(of: run, in: directory, maxHold: maxHold)
            else { continue }
            runs.append((run, status))
        }
    }

    private func holder(of planned: PlannedVM) -> (run: Run, status: RunStatus)? {
        runs.first { run, _ in
            planned.overlayRuns.contains(run.id.text)
                || run.machines.contains { $0.key == planned.key && $0.freezeState != nil }
        }
    }

    /// What the next pre-snapshot waits for, or does, before it freezes that VM; nil where nothing.
    package func prerequisite(of planned: PlannedVM) -> String? {
        guard !planned.disksOnOverlays.isEmpty, let (run, status) = holder(of: planned) else { return nil }
        switch status {
        case .abandoned: return "after the run \(run.id) is ended, which the next pre-snapshot does"
        case .ending: return "after the run \(run.id) is ended, which its watchdog does"
        case .owned, .watched, .awaited:
            return
                "after the run \(run.id) has released it, for which pre-snapshot waits as long as its manager lets it"
        }
    }

    /// Why nothing is done for a VM, whichever strategy is wanted: nobody knows how it came on its overlay.
    func staleness(of planned: PlannedVM) -> StrategyObstacle? {
        guard let overlay = planned.disksOnOverlays.first?.overlay, holder(of: planned) == nil else { return nil }
        let run = overlay.run.map { "the run \(printable($0, limit: 60))" } ?? "a run"
        return StrategyObstacle(
            .stale, "it is on an overlay of \(run), of which there is no state file",
            fix: "stillpoint recover --adopt")
    }
}
