internal import Configuration
package import Engine
internal import Glibc
internal import Logging
internal import RunState
internal import Support
internal import ZFS

extension Operator {
    /// `stillpoint status`: what is open, who is at work on it, and how the last runs were. Neither a hypervisor nor zfs is
    /// asked, so nothing that hangs keeps it.
    package func status(json: Bool) async -> ExitCode {
        await perform { configuration in
            let report = try statusReport(configuration)
            if json {
                try write(json: report)
            } else {
                tell(report)
            }
            return report.needsRecovery ? .needsRecovery : .done
        }
    }

    /// - Throws: StateError, also for a user who may not read the state.
    func statusReport(_ configuration: Configuration) throws -> StatusReport {
        let directory = StateDirectory(configuration.stateDirectory)
        let proc = context.roots.proc
        let ids = try directory.openRunIDs()
        let catalogue = Catalogue(directory)
        var report = StatusReport(archive: ArchiveProgress(catalogue: catalogue, proc: proc).report())
        let recovery = Recovery(context: context, configuration: configuration, configurationPath: configurationPath)
        let watchdogs = ids.isEmpty ? [:] : WatchdogProcess.all(proc: proc)
        for id in ids {
            do {
                let run = try directory.read(id)
                let state = try recovery.status(of: run)
                // It may have ended meanwhile, and its lock with it.
                guard directory.isOpen(id) else { continue }
                report.runs.append(
                    StatusReport.OpenRun(
                        run, state, RunOwner(run: id, directory: directory, proc: proc), watchdogs[id],
                        maxHold: configuration.maxHold))
            } catch {
                if directory.isOpen(id) { report.problems.append("\(error)") }
            }
        }
        report.needsRecovery = !report.problems.isEmpty || report.runs.contains(where: \.needsRecovery)
        let now = Int64(time(nil))
        report.datasets = RunHistory(directory).lastRuns().sorted { $0.key < $1.key }
            .compactMap { StatusReport.LastRun($0.key, $0.value, now: now) }
        return report
    }

    private func tell(_ report: StatusReport) {
        for problem in report.problems { context.log.error("\(problem)") }
        let palette = self.palette
        say(report.head) { palette.statusLine($0) }
        if !report.datasets.isEmpty { write(report.table) }
    }
}
