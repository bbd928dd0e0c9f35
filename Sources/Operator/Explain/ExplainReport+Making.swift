internal import Engine
internal import Glibc
internal import Hypervisor
internal import RunState
internal import ZFS

extension ExplainReport.Code {
    /// Nil where it is none.
    init?(_ word: String) {
        if let finding = FindingCode(rawValue: word.uppercased()) {
            self.init(
                code: finding.rawValue, title: finding.title, severity: finding.severity, why: finding.why,
                remedy: finding.remedy)
        } else if let reason = ReasonCode.all.first(where: { $0.rawValue == word }) {
            self.init(code: reason.rawValue, title: reason.title, severity: nil, why: nil, remedy: reason.remedy)
        } else {
            return nil
        }
    }
}

extension ExplainReport {
    static let days = 30

    /// Adds the VMs of that name or id.
    /// - Parameter most: runs of each that are told of.
    mutating func add(_ word: String, _ history: RunHistory, open: [Run], most: Int, now: Int64 = Int64(time(nil))) {
        let since = now - Int64(Self.days) * 86400
        let entries = history.entries(of: word, since: RunHistory.day(at: since), most: most)
        var order: [VMKey] = []
        var found: [VMKey: [HistoryEntry]] = [:]
        for entry in entries {
            if found[entry.key] == nil { order.append(entry.key) }
            found[entry.key, default: []].append(entry)
        }
        for key in order {
            guard let all = found[key], let first = all.first else { continue }
            let recent = all.filter { ($0.run.time ?? 0) >= since }
            machines.append(
                Machine(
                    vm: first.name, vmID: first.id, hypervisor: first.hypervisor,
                    runs: all.prefix(most).map { PastRun($0, now: now) }, lastDays: Summary(recent)))
        }
        for run in open {
            for record in run.machines where record.name == word || record.id == word {
                let known = order.firstIndex(of: record.key)
                if known == nil {
                    order.append(record.key)
                    machines.append(
                        Machine(
                            vm: record.name, vmID: record.id, hypervisor: record.hypervisor, lastDays: Summary([])))
                }
                machines[known ?? machines.count - 1].openRun = OpenRun(run, record)
            }
        }
    }
}

extension ExplainReport.PastRun {
    init(_ entry: HistoryEntry, now: Int64) {
        self.init(
            run: entry.run.text, time: entry.run.time, ageSeconds: entry.run.time.map { max(0, now - $0) },
            manager: entry.manager,
            outcome: entry.outcome,
            snapshots: entry.datasets.map { dataset in entry.snapshot.map { "\(dataset)@\($0)" } ?? dataset.rawValue },
            consistency: entry.consistency, strategy: entry.strategy, reason: entry.reason,
            frozenMilliseconds: entry.frozenMilliseconds, pausedMilliseconds: entry.pausedMilliseconds,
            overlayBytes: entry.overlayBytes, notes: entry.notes)
    }
}

extension ExplainReport.Summary {
    init(_ entries: [HistoryEntry]) {
        self.init(
            days: ExplainReport.days, runs: entries.count,
            consistencies: Self.shares(entries.compactMap { $0.consistency?.rawValue }),
            reasons: Self.shares(entries.compactMap { $0.reason?.rawValue }))
    }

    private static func shares(_ words: [String]) -> [Share] {
        Dictionary(words.map { ($0, 1) }, uniquingKeysWith: +).map { Share(word: $0.key, runs: $0.value) }
            .sorted { ($1.runs, $0.word) < ($0.runs, $1.word) }
    }
}

extension ExplainReport.OpenRun {
    init(_ run: Run, _ record: VMRecord) {
        self.init(
            run: run.id.text, time: run.id.time, phase: run.phase, machine: StatusReport.HeldVM(record),
            notes: record.reasonsInWords)
    }
}
