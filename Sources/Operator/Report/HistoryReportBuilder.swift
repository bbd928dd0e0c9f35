internal import Hypervisor
internal import RunState
internal import ZFS

/// Sums up what the history and restore points tell, day by day, so that no more than a day of it is in memory.
struct HistoryReportBuilder {
    private let now: Int64
    private let days: ClosedRange<CalendarDay>
    private let dataset: DatasetName?
    private let evidence: SnapshotEvidence

    private var machines: [ReportedVM] = []
    private var indices: [VMKey: Int] = [:]
    /// The same by what an entry has, since a VMKey takes longer to make than all else.
    private var known: [EntryKey: Int] = [:]
    /// Of each VM, what it got in the day before its last run, and in that run.
    private var lastRuns: [[RunOfVM]] = []
    private var reasons: [ReasonCode?: ReasonTally] = [:]
    private var datasets: [DatasetName: DatasetTally] = [:]
    private var frozen: [[Int64]]
    private var paused: [[Int64]]
    private var troubles: [RunTrouble] = []
    private var runCount = 0
    private var lastTime: Int64 = 0
    private var firstDay: Int?

    private struct EntryKey: Hashable {
        let hypervisor: String
        let id: String
    }

    /// - Parameters:
    ///   - now: in seconds since 1970.
    ///   - dayCount: how many days, today among them.
    ///   - dataset: VMs with a disk on it or below it; nil: all.
    init(now: Int64, days dayCount: Int, dataset: DatasetName? = nil, evidence: SnapshotEvidence = SnapshotEvidence()) {
        self.now = now
        self.dataset = dataset
        self.evidence = evidence
        let today = CalendarDay(at: now)
        days = today.advanced(by: 1 - max(1, dayCount))...today
        frozen = Array(repeating: [], count: max(1, dayCount))
        paused = frozen
    }

    /// Adds entries in the order in which they were written; those of one run all at once. Of the same VM and run the
    /// last one counts. What is no run of a snapshot manager's is left out, and what does not lie in the report's days.
    mutating func add(_ entries: [HistoryEntry]) {
        var runs: [RunID: RunSoFar] = [:]
        var order: [RunID] = []
        for entry in entries where entry.manager != Run.restoreManager && entry.manager != Run.adoptionManager {
            if let dataset, !entry.datasets.contains(where: { $0.isSameOrDescendant(of: dataset) }) { continue }
            if runs[entry.run] == nil { order.append(entry.run) }
            let machine = index(of: entry)
            runs[entry.run, default: RunSoFar()].put(entry, of: machine)
        }
        for run in order.sorted() { if let entries = runs[run] { add(run, entries) } }
    }

    /// The entries of one run, the last one of each VM.
    private struct RunSoFar {
        private(set) var entries: [(machine: Int, entry: HistoryEntry)] = []
        private var places: [Int: Int] = [:]

        mutating func put(_ entry: HistoryEntry, of machine: Int) {
            if let place = places[machine] {
                entries[place].entry = entry
            } else {
                places[machine] = entries.count
                entries.append((machine, entry))
            }
        }
    }

    private mutating func index(of entry: HistoryEntry) -> Int {
        let short = EntryKey(hypervisor: entry.hypervisor, id: entry.id)
        if let index = known[short] { return index }
        let index = indices[entry.key] ?? machines.count
        if index == machines.count {
            machines.append(
                ReportedVM(
                    name: entry.name, hypervisor: entry.hypervisor, id: entry.id, datasets: entry.datasets,
                    cells: Array(repeating: DayCell(), count: days.count)))
            lastRuns.append([])
        }
        indices[entry.key] = index
        known[short] = index
        return index
    }

    private mutating func add(_ run: RunID, _ entries: RunSoFar) {
        guard let time = run.time, days.contains(CalendarDay(at: time)) else { return }
        let day = days.lowerBound.distance(to: CalendarDay(at: time))
        runCount += 1
        firstDay = min(firstDay ?? day, day)
        lastTime = max(lastTime, min(time, now))
        var cells: [DatasetName: DayCell] = [:]
        for (machine, entry) in entries.entries {
            let grade = Grade(entry)
            let evidence = evidence.of(entry.name, in: run)
            machines[machine].cells[day].add(grade, evidence)
            if time >= machines[machine].lastRun {
                machines[machine].lastRun = time
                machines[machine].name = entry.name
                machines[machine].datasets = entry.datasets
            }
            let isLess = grade < .crash || entry.fellShort
            lastRuns[machine].removeAll { $0.time <= time - 86400 }
            lastRuns[machine].append(
                RunOfVM(
                    time: time, grade: grade, evidence: evidence, reason: isLess ? entry.shortfall : nil,
                    note: isLess ? entry.notes.first { !$0.isEmpty } : nil))
            if isLess, grade > .failed { count(entry.shortfall, machine, on: day) }
            if let window = entry.frozenMilliseconds {
                frozen[day].append(window)
                if machines[machine].longestFrozen.map({ $0.milliseconds < window }) ?? true {
                    machines[machine].longestFrozen = (window, time)
                }
            }
            if let window = entry.pausedMilliseconds { paused[day].append(window) }
            for dataset in entry.datasets where counts(dataset) {
                cells[dataset, default: DayCell()].add(grade, evidence)
                datasets[dataset, default: DatasetTally(name: dataset)].machines.insert(machine)
            }
        }
        for (dataset, cell) in cells {
            datasets[dataset]?.runs += 1
            datasets[dataset]?.lastRun = time
            datasets[dataset]?.lastCell = cell
        }
        noteTrouble(run, time, entries.entries.map(\.entry))
    }

    private func counts(_ name: DatasetName) -> Bool { dataset.map { name.isSameOrDescendant(of: $0) } ?? true }

    private mutating func count(_ reason: ReasonCode?, _ machine: Int, on day: Int) {
        var tally = reasons[reason] ?? ReasonTally(reason: reason, byDay: Array(repeating: 0, count: days.count))
        // Taken out, so that it is not copied.
        reasons[reason] = nil
        tally.byDay[day] += 1
        tally.machines.insert(machine)
        reasons[reason] = tally
    }

    private mutating func noteTrouble(_ run: RunID, _ time: Int64, _ entries: [HistoryEntry]) {
        let outcomes: [(HistoryEntry.Outcome, RunTrouble.Kind)] = [
            (.open, .left), (.untaken, .untaken), (.undone, .undone),
        ]
        guard let (outcome, kind) = outcomes.first(where: { outcome, _ in entries.contains { $0.outcome == outcome } })
        else { return }
        let affected = entries.filter { $0.outcome == outcome }
        troubles.append(
            RunTrouble(
                run: run.text, time: time, kind: kind, manager: entries[0].manager,
                datasets: Set(affected.flatMap(\.datasets)).sorted(), machineCount: affected.count,
                note: affected.lazy.flatMap(\.notes).first { !$0.isEmpty }))
    }
}

extension HistoryReportBuilder {
    /// The report of all that was added.
    /// - Parameter open: the runs of which there is a state file.
    func report(host: String, open: [RunTrouble] = []) -> HistoryReport {
        // Where nothing ran for a day, the last night is the one of the last run.
        let end = lastTime > now - 86400 || lastTime == 0 ? now : lastTime
        let lastDay = min(days.count - 1, max(0, days.lowerBound.distance(to: CalendarDay(at: end - 86400))))
        // Nothing is shown of the days before the first run that is known.
        let unknown = firstDay ?? 0
        let reported = machines.indices.filter { machines[$0].lastRun > 0 }.map { index in
            var machine = machines[index]
            let night = lastRuns[index].filter { $0.time > end - 86400 }
            for run in night { machine.lastNight.add(run.grade, run.evidence) }
            let less = night.filter { $0.reason != nil || !$0.grade.isWell }
            machine.lowest = (less.isEmpty ? night : less).min { ($0.grade, -$0.time) < ($1.grade, -$1.time) }
            machine.usual = usual(machine.cells[max(0, lastDay - 14)..<lastDay])
            machine.cells.removeFirst(unknown)
            return machine
        }
        let openIDs = Set(open.map(\.run))
        return HistoryReport(
            now: now, host: host, days: days.lowerBound.advanced(by: unknown)...days.upperBound, dataset: dataset,
            machines: reported.sorted { ($0.name, $0.hypervisor, $0.id) < ($1.name, $1.hypervisor, $1.id) },
            lastNightEnd: end, runCount: runCount,
            troubles: (troubles.filter { !openIDs.contains($0.run) } + open).sorted { $0.run > $1.run },
            reasons: reasons.values.map { tally in
                var tally = tally
                tally.byDay.removeFirst(unknown)
                return tally
            }.sorted {
                ($1.count(last: 30), $1.count(last: days.count), $0.reason?.rawValue ?? "")
                    < ($0.count(last: 30), $0.count(last: days.count), $1.reason?.rawValue ?? "")
            },
            frozen: frozen.dropFirst(unknown).map { WindowTally($0) },
            paused: paused.dropFirst(unknown).map { WindowTally($0) },
            datasets: datasets.values.sorted { $0.name < $1.name })
    }

    /// What half of the days with runs reach, of the best and of the worst.
    private func usual(_ cells: ArraySlice<DayCell>) -> DayCell {
        let known = cells.filter { $0.worst != .none }
        guard !known.isEmpty else { return DayCell() }
        let middle = (known.count - 1) / 2
        return DayCell(best: known.map(\.best).sorted()[middle], worst: known.map(\.worst).sorted()[middle])
    }
}
