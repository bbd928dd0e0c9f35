internal import Configuration
package import Engine
internal import Glibc
internal import Hypervisor
internal import Logging
internal import RunState
internal import Support
internal import ZFS

extension Operator {
    /// As many days as the history is kept for.
    package static let mostReportDays = RunHistory.keptDays
    /// How long zfs may take to tell what evidence the snapshots have.
    private static let evidenceLimit = Duration.seconds(20)

    /// `stillpoint report --html FILE [--days N] [DATASET]`
    /// - Parameter file: `-` is standard output.
    package func report(html file: String, days: Int, dataset: String?) async -> ExitCode {
        await perform { configuration in
            let target: ReportFile
            do throws(ReportFileError) {
                target = try ReportFile(file)
            } catch {
                context.log.error("\(error)")
                return .usage
            }
            let dataset = try dataset.map { try DatasetName($0) }
            let state = StateDirectory(configuration.stateDirectory)
            let open = try openRuns(in: state, on: dataset)
            let (evidence, source) = await snapshotEvidence(on: dataset)
            let now = Int64(time(nil))
            var builder = HistoryReportBuilder(now: now, days: days, dataset: dataset, evidence: evidence)
            let firstDay = RunHistory.day(at: now - Int64(days - 1) * 86400)
            addPast(to: &builder, state, since: firstDay)
            var report = builder.report(host: hostName() ?? "this host", open: open)
            report.evidence = source
            if let dataset, report.machines.isEmpty, try await !context.zfs.exists(dataset.rawValue) {
                throw UnknownDatasetError(dataset: dataset)
            }
            try target.write(ReportPage(report).bytes)
            return .done
        }
    }

    /// Adds the history, and before it begins the restore points.
    private func addPast(to builder: inout HistoryReportBuilder, _ state: StateDirectory, since firstDay: String) {
        let history = RunHistory(state)
        var days = history.days.filter { $0 >= firstDay }[...]
        var first: [HistoryEntry] = []
        while first.isEmpty, let day = days.popFirst() { first = history.entries(on: day) }
        let beginning = first.map(\.run).min()
        let catalogue = Catalogue(state)
        for run in catalogue.runs where RunHistory.day(of: run) >= firstDay {
            if let beginning, run >= beginning { break }
            // What cannot be read stillpoint list tells.
            if let point = try? catalogue.read(run) { builder.add(HistoryEntry.all(of: point)) }
        }
        builder.add(first)
        for day in days { builder.add(history.entries(on: day)) }
    }

    /// - Throws: StateError where the state is root's alone.
    private func openRuns(in state: StateDirectory, on dataset: DatasetName?) throws -> [RunTrouble] {
        let open = OpenRuns(try state.openRunIDs(), in: state)
        for problem in open.unreadable { context.log.warning("\(problem)") }
        return open.runs.compactMap { run in
            let datasets = Set(run.machines.flatMap(\.datasets) + run.targets).sorted()
            if let dataset, !datasets.contains(where: { $0.isSameOrDescendant(of: dataset) }) { return nil }
            return RunTrouble(
                run: run.id.text, time: run.id.time ?? 0, kind: .open, manager: run.manager, datasets: datasets,
                machineCount: run.machines.count, note: run.earlyRelease?.reason)
        }
    }

    /// Without zfs the report is of the history alone.
    private func snapshotEvidence(
        on dataset: DatasetName?
    ) async -> (SnapshotEvidence, HistoryReport.EvidenceSource) {
        let zfs = context.zfs
        do {
            let keys = [SnapshotProperties.runKey, SnapshotProperties.evidenceKey]
            let listed = try await tryWithDeadline(ContinuousClock.now + Self.evidenceLimit) {
                try await zfs.snapshots(of: dataset, properties: keys)
            }
            guard let listed else {
                let limit = Self.evidenceLimit.text
                context.log.warning("zfs did not tell within \(limit) what evidence the snapshots have")
                return (SnapshotEvidence(), .notAsked)
            }
            let evidence = SnapshotEvidence(listed)
            return (evidence, evidence.isEmpty ? .none : .found)
        } catch {
            // A host without ZFS, as a copy of the state directory may be on, or a dataset that has gone.
            if (error as? ZFSError)?.code != .notFound, dataset == nil { context.log.warning("\(error)") }
            return (SnapshotEvidence(), .notAsked)
        }
    }
}
