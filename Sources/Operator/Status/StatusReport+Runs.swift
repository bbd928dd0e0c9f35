internal import Engine
internal import Glibc
internal import Hypervisor
internal import RunState
internal import Support
internal import ZFS

extension StatusReport.OpenRun {
    /// How long a watchdog may take to begin what is its to do before somebody is told of it.
    private static let grace: Int64 = 5

    /// - Parameters:
    ///   - watchdog: its process, where it is seen.
    ///   - maxHold: how long it waits for post-snapshot.
    init(_ run: Run, _ state: RunStatus, _ owner: RunOwner, _ watchdog: WatchdogProcess?, maxHold: Duration) {
        let age = run.age.map { $0.components.seconds }
        let isLate =
            run.machines.contains { $0.phase == .failed }
            || run.earlyRelease.map { Int64(Glibc.time(nil)) - $0.began > Self.grace }
                ?? ((age ?? 0) > maxHold.components.seconds + Self.grace)
        let isLeft = state == .abandoned || state == .ending && isLate
        let left = maxHold - (watchdog?.age ?? run.age ?? .zero)
        let acts = max(0, left.components.seconds)
        let process = state == .owned ? owner.process.map { StatusReport.Process(id: $0, program: owner.program) } : nil
        self.init(
            run: run.id.text, manager: run.manager, phase: run.phase, time: run.id.time,
            ageSeconds: age,
            datasets: (run.kind == .snapshots ? run.targets : Set(run.machines.flatMap(\.datasets)).sorted())
                .map(\.rawValue),
            snapshots: run.snapshots.map(\.rawValue), state: state, needsRecovery: isLeft,
            advice: Self.advice(run, state, process, isLate: isLate, acts: acts), owner: process,
            watchdog: state == .watched || state == .ending || watchdog != nil
                ? StatusReport.WatchdogState(id: watchdog?.id, actsInSeconds: state == .ending ? nil : acts) : nil,
            machines: run.machines.map { StatusReport.HeldVM($0) })
    }

    private static func advice(
        _ run: Run, _ state: RunStatus, _ owner: StatusReport.Process?, isLate: Bool, acts: Int64
    ) -> String {
        if state == .abandoned, let halfDone = run.interruptedRestore { return halfDone }
        switch state {
        case .owned:
            let who = owner.map { "\(printable($0.program ?? "process", limit: 40)) (\($0.id))" } ?? "a process"
            return "\(who) is at work on it"
        case .watched: return "waits for post-snapshot; its watchdog ends it in \(ageText(acts))"
        case .ending where isLate: return "its watchdog could not end it, and tries again; fix: stillpoint recover"
        case .ending: return "its watchdog is ending it"
        case .awaited: return "waits for post-snapshot, without a watchdog; stillpoint recover --run \(run.id) ends it"
        case .abandoned: return "nobody is at work on it; fix: stillpoint recover"
        }
    }
}

extension StatusReport.HeldVM {
    init(_ record: VMRecord) {
        self.init(
            vm: record.name, vmID: record.id, hypervisor: record.hypervisor, phase: record.phase,
            heldBy: record.freezeState?.holders ?? [],
            standingStillMilliseconds: record.freezeState?.millisecondsStandingStill, consistency: record.consistency,
            reason: record.reason)
    }
}

extension StatusReport.LastRun {
    /// Nil where there is no entry.
    init?(_ dataset: DatasetName, _ entries: [HistoryEntry], now: Int64) {
        guard let first = entries.first else { return nil }
        let worst: [HistoryEntry.Outcome] = [.open, .undone, .untaken, .released]
        self.init(
            dataset: dataset.rawValue, run: first.run.text, manager: first.manager, time: first.run.time,
            ageSeconds: first.run.time.map { max(0, now - $0) }, snapshot: first.snapshot,
            outcome: worst.first { outcome in entries.contains { $0.outcome == outcome } } ?? first.outcome,
            machines: entries.count, consistency: entries.compactMap(\.consistency).min(),
            fellBack: entries.count(where: \.fellShort))
    }
}
