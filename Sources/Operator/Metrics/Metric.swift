/// A metric that node_exporter gets: docs/monitoring.md has a row for each.
package struct Metric: Sendable, Hashable {
    /// Its type in Prometheus' text format.
    package enum Kind: String, Sendable {
        case gauge, counter, histogram
    }

    package let name: String
    package let kind: Kind
    /// Those that each series of it has; `vm` may bring `id` along (`SeriesLabels`).
    package let labels: [String]
    /// What it means, for `# HELP`.
    package let help: String

    private init(_ name: String, _ kind: Kind, _ labels: [String], _ help: String) {
        self.name = "stillpoint_\(name)"
        self.kind = kind
        self.labels = labels
        self.help = help
    }

    private static let ofVM = ["vm", "hypervisor", "dataset"]

    static let buildInfo = Metric(
        "build_info", .gauge, ["version"], "1, with the version of Stillpoint that wrote this.")
    static let written = Metric("metrics_timestamp_seconds", .gauge, [], "When this was written.")
    static let lastRun = Metric(
        "last_run_timestamp_seconds", .gauge, ["dataset"], "When the last run with a VM on the dataset began.")
    static let lastSuccess = Metric(
        "last_success_timestamp_seconds", .gauge, ["dataset"],
        "When the last run began in which all VMs on the dataset got what they were to get; 0: none is known.")
    static let consistency = Metric(
        "vm_consistency", .gauge, ofVM,
        "What the VM got in its last snapshot: -1 stale, 0 crash, 1 off, 2 quiesced, 3 memory.")
    static let fallback = Metric(
        "vm_fallback", .gauge, ofVM + ["reason"], "1 where the VM got less in its last snapshot than it was to get.")
    static let fallbacksInARow = Metric(
        "vm_consecutive_fallbacks", .gauge, ofVM,
        "Runs in a row, up to the last one, in which the VM got less than it was to.")
    static let vmLastRun = Metric(
        "vm_last_run_timestamp_seconds", .gauge, ofVM, "When the last run began in which the VM was snapshotted.")
    static let vmFrozen = Metric(
        "vm_frozen_seconds", .gauge, ofVM, "How long the file systems in the VM were frozen for its last snapshot.")
    static let vmPaused = Metric(
        "vm_paused_seconds", .gauge, ofVM, "How long the VM's processors stood still for its last snapshot.")
    static let frozen = Metric(
        "frozen_seconds", .histogram, [], "How long file systems in VMs were frozen, of all runs that have ended.")
    static let paused = Metric(
        "paused_seconds", .histogram, [], "How long VMs' processors stood still, of all runs that have ended.")
    static let runs = Metric(
        "runs_total", .counter, ["outcome"],
        "Runs that have ended: released, undone (on_failure = abort), untaken (there was no snapshot).")
    static let fallbacks = Metric(
        "fallbacks_total", .counter, ["reason"], "VMs that got less in a run than they were to get.")
    static let openRuns = Metric("open_runs", .gauge, [], "Runs that have not ended; restores are none.")
    static let oldestOpenRun = Metric(
        "oldest_open_run_timestamp_seconds", .gauge, [],
        "When the oldest run that has not ended began; missing: there is none.")
    static let openRunAge = Metric(
        "open_run_age_seconds", .gauge, [],
        "Age of the oldest run that had not ended when this was written; 0: there was none.")
    static let abandonedRuns = Metric(
        "abandoned_runs", .gauge, [], "Runs, restores too, that no process will end: stillpoint recover does.")
    static let backlogRuns = Metric(
        "archive_backlog_runs", .gauge, [], "Runs whose RAM dumps wait for their way to cold storage.")
    static let backlogBytes = Metric(
        "archive_backlog_bytes", .gauge, [], "Size of the RAM dumps that wait for their way to cold storage.")

    /// In the order in which they are written.
    package static let all: [Metric] = [
        buildInfo, written, lastRun, lastSuccess, consistency, fallback, fallbacksInARow, vmLastRun, vmFrozen, vmPaused,
        frozen, paused, runs, fallbacks, openRuns, oldestOpenRun, openRunAge, abandonedRuns, backlogRuns, backlogBytes,
    ]
}
