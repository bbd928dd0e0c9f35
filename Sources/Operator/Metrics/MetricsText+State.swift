internal import Engine
internal import Hypervisor
internal import RunState
internal import ZFS

extension MetricsText {
    /// The whole file.
    /// - Parameter now: in seconds since 1970.
    init(_ state: MetricsState, _ host: HostMetrics, now: Int64) {
        add(.buildInfo, [("version", stillpointVersion)], 1)
        add(.written, [], now)
        add(state.datasets)
        add(state.machines)
        add(.frozen, state.frozen)
        add(.paused, state.paused)
        for outcome in HistoryEntry.Outcome.allCases where outcome != .open {
            add(.runs, [("outcome", outcome.rawValue)], state.runs[outcome.rawValue] ?? 0)
        }
        // All from the beginning: of a series that begins with 1, Prometheus sees no increase.
        let reasons = ReasonCode.all.filter { $0 != .configured }.map(\.rawValue)
        for reason in reasons + state.fallbacks.keys.filter({ !reasons.contains($0) }).sorted() {
            add(.fallbacks, [("reason", Self.label(reason))], state.fallbacks[reason] ?? 0)
        }
        add(.openRuns, [], host.openRuns)
        if let oldest = host.oldestOpenRun { add(.oldestOpenRun, [], oldest) }
        add(.openRunAge, [], host.oldestOpenRun.map { max(0, now - $0) } ?? 0)
        add(.abandonedRuns, [], host.abandonedRuns)
        add(.backlogRuns, [], host.backlogRuns)
        add(.backlogBytes, [], host.backlogBytes)
    }

    private mutating func add(_ datasets: [MetricsState.Dataset]) {
        let datasets = datasets.sorted { $0.name < $1.name }
        for dataset in datasets {
            add(.lastRun, [("dataset", Self.label(dataset.name.rawValue))], dataset.lastRun.time ?? 0)
        }
        for dataset in datasets {
            add(.lastSuccess, [("dataset", Self.label(dataset.name.rawValue))], dataset.lastSuccess?.time ?? 0)
        }
    }

    private mutating func add(_ machines: [MetricsState.Machine]) {
        let labelled = SeriesLabels.all(of: machines)
        func each(_ metric: Metric, _ value: (MetricsState.Machine) -> String?) {
            for (machine, labels) in labelled { if let value = value(machine) { add(metric, labels, value) } }
        }
        each(.consistency) { "\($0.consistency.metricValue)" }
        for (machine, labels) in labelled {
            if let reason = machine.reason { add(.fallback, labels + [("reason", Self.label(reason.rawValue))], 1) }
        }
        each(.fallbacksInARow) { "\($0.fallbacks)" }
        each(.vmLastRun) { "\($0.run.time ?? 0)" }
        each(.vmFrozen) { $0.frozenMilliseconds.map { Self.seconds($0) } }
        each(.vmPaused) { $0.pausedMilliseconds.map { Self.seconds($0) } }
    }
}

/// The labels of each VM's series: two VMs never have the same.
enum SeriesLabels {
    /// `vm`, `hypervisor` and `dataset`; and `id`, where the first two are those of another VM too (vSphere has VMs of
    /// one name in different folders). Sorted by them.
    static func all(of machines: [MetricsState.Machine]) -> [(MetricsState.Machine, [(String, String)])] {
        struct Name: Hashable {
            let vm: String
            let hypervisor: String
        }
        let names = machines.map { Name(vm: MetricsText.label($0.name), hypervisor: MetricsText.label($0.hypervisor)) }
        let owners = zip(names, machines).reduce(into: [Name: Set<VMKey>]()) {
            $0[$1.0, default: []].insert($1.1.key.machine)
        }
        let labelled = zip(names, machines).map { name, machine in
            let isShared = owners[name].map { $0.count > 1 } ?? false
            let labels = [
                ("vm", name.vm), ("hypervisor", name.hypervisor),
                ("dataset", MetricsText.label(machine.dataset.rawValue)),
            ]
            return (machine, labels + (isShared ? [("id", MetricsText.label(machine.id))] : []))
        }
        return labelled.sorted { left, right in left.1.lexicographicallyPrecedes(right.1) { $0.1 < $1.1 } }
    }
}

extension Consistency {
    /// Its rank, as docs/monitoring.md has it.
    var metricValue: Int {
        switch self {
        case .stale: -1
        case .crash: 0
        case .off: 1
        case .quiesced: 2
        case .memory: 3
        }
    }
}
