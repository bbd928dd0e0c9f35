internal import Hypervisor
internal import RunState
internal import ZFS

extension MetricsState {
    /// A run that is open is remembered however many have ended since.
    private static let mostCountedRuns = 1000
    /// More than the history keeps.
    private static let mostDays = 1000

    /// Takes in what the history has more than before.
    /// - Parameters:
    ///   - open: the runs that were open before the history is read: one of them may be told of again.
    ///   - isCounting: false where counters begin anew, and what has been is not to look as if it were of now.
    ///   - now: in seconds since 1970.
    mutating func update(from history: RunHistory, open: [RunID], isCounting: Bool, now: Int64) {
        let days = history.days
        let isNew = readBytes.isEmpty
        let oldest = RunHistory.day(at: now - Self.keptSeconds)
        for day in days {
            let known = readBytes[day]
            guard let size = history.size(of: day) else { continue }
            // One that is shorter is not the one that was read: nobody knows what in it was counted.
            guard size > known ?? 0, !(isNew && day < oldest) else {
                readBytes[day] = size
                continue
            }
            let added = history.entries(on: day, from: known ?? 0)
            readBytes[day] = added.end
            take(added.entries, isCounting: isCounting, now: now)
        }
        // Not at once those that are not listed: a folder that cannot be read for a moment must not be counted anew.
        for day in readBytes.keys.sorted().dropLast(Self.mostDays) { readBytes[day] = nil }
        forget(open: Set(open), now: now)
    }

    /// - Parameter entries: in the order in which they were written.
    mutating func take(_ entries: [HistoryEntry], isCounting: Bool, now: Int64) {
        var ended = Set(countedRuns)
        var machineIndex = index(machines.map(\.key))
        var datasetIndex = index(datasets.map(\.name))
        for (run, entries) in Self.byRun(entries) {
            let outcome = entries.last { $0.outcome != .open }?.outcome ?? .open
            if outcome != .open, ended.insert(run).inserted {
                countedRuns.append(run)
                if isCounting { count(entries, outcome) }
            }
            for (dataset, theirs) in Self.byDataset(entries) {
                note(run, theirs, on: dataset, &datasetIndex, now: now)
            }
            guard outcome == .released || outcome == .open else { continue }
            for entry in entries {
                for dataset in Set(entry.datasets) { note(entry, on: dataset, &machineIndex, now: now) }
            }
        }
    }

    private mutating func count(_ entries: [HistoryEntry], _ outcome: HistoryEntry.Outcome) {
        runs[outcome.rawValue, default: 0] &+= 1
        for entry in entries {
            if let reason = entry.shortfall { fallbacks[reason.rawValue, default: 0] &+= 1 }
            if let duration = entry.frozenMilliseconds { frozen.add(duration) }
            if let duration = entry.pausedMilliseconds { paused.add(duration) }
        }
    }

    private mutating func note(
        _ run: RunID, _ entries: [HistoryEntry], on dataset: DatasetName, _ index: inout [DatasetName: Int], now: Int64
    ) {
        let isSuccess = entries.allSatisfy { $0.outcome == .released && !$0.fellShort }
        guard let place = index[dataset] else {
            index[dataset] = datasets.count
            datasets.append(Dataset(name: dataset, lastRun: run, lastSuccess: isSuccess ? run : nil))
            return
        }
        if run.isNews(after: datasets[place].lastRun, now: now) { datasets[place].lastRun = run }
        if isSuccess, datasets[place].lastSuccess.map({ run.isNews(after: $0, now: now) }) ?? true {
            datasets[place].lastSuccess = run
        }
    }

    private mutating func note(
        _ entry: HistoryEntry, on dataset: DatasetName, _ index: inout [Key: Int], now: Int64
    ) {
        let key = Key(machine: entry.key, dataset: dataset)
        var machine = Machine(
            hypervisor: entry.hypervisor, id: entry.id, name: entry.name, dataset: dataset, run: entry.run,
            consistency: entry.consistency ?? .crash, reason: entry.shortfall,
            frozenMilliseconds: entry.frozenMilliseconds, pausedMilliseconds: entry.pausedMilliseconds)
        let known = index[key].map { machines[$0] }
        if let known, !entry.run.isNews(after: known.run, now: now) { return }
        (machine.fallbacks, machine.countedRun) = (known?.fallbacks ?? 0, known?.countedRun)
        if entry.outcome == .released, machine.countedRun != entry.run, entry.reason != .configured {
            machine.fallbacks = !entry.fellShort ? 0 : machine.fallbacks &+ 1
            machine.countedRun = entry.run
        }
        if let place = index[key] {
            machines[place] = machine
        } else {
            index[key] = machines.count
            machines.append(machine)
        }
    }

    private mutating func forget(open: Set<RunID>, now: Int64) {
        let oldest = now - Self.keptSeconds
        machines.removeAll { ($0.run.time ?? 0) < oldest }
        datasets.removeAll { ($0.lastRun.time ?? 0) < oldest }
        let excess = countedRuns.count - Self.mostCountedRuns
        guard excess > 0 else { return }
        countedRuns = countedRuns.prefix(excess).filter { open.contains($0) } + countedRuns.dropFirst(excess)
    }

    /// Of each run, in the order in which they were first told of, the last that was told of each VM.
    private static func byRun(_ entries: [HistoryEntry]) -> [(RunID, [HistoryEntry])] {
        var order: [RunID] = []
        var runs: [RunID: [HistoryEntry]] = [:]
        for entry in RunHistory.lastOfEach(entries) {
            if runs[entry.run] == nil { order.append(entry.run) }
            runs[entry.run, default: []].append(entry)
        }
        return order.map { ($0, runs[$0] ?? []) }
    }

    private static func byDataset(_ entries: [HistoryEntry]) -> [DatasetName: [HistoryEntry]] {
        entries.reduce(into: [:]) { result, entry in
            for dataset in Set(entry.datasets) { result[dataset, default: []].append(entry) }
        }
    }

    private func index<Key: Hashable>(_ keys: [Key]) -> [Key: Int] {
        Dictionary(keys.enumerated().map { ($0.element, $0.offset) }) { first, _ in first }
    }
}

extension RunID {
    /// Whether it is to be told instead of another one: it began later, or the other is of a time that has not come,
    /// since the clock was ahead.
    fileprivate func isNews(after other: RunID, now: Int64) -> Bool {
        // A moment for a clock that is being corrected.
        let (isAhead, isOtherAhead) = ((time ?? 0) > now + 60, (other.time ?? 0) > now + 60)
        return isAhead == isOtherAhead ? self >= other : isOtherAhead
    }
}
