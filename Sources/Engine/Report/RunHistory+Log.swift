internal import Hypervisor
package import Logging
package import RunState
internal import Support

extension RunHistory {
    /// Adds what became of a run's VMs; where that fails, or takes long, it is said and no more.
    package func remember(_ run: Run, _ outcome: HistoryEntry.Outcome, log: Logger) async {
        do {
            try await blocking("writing the history", within: .seconds(2)) { try append(run, outcome) }
        } catch {
            log.warning("the history in \(folder) lacks the run \(run.id): \(error)")
        }
    }
}
