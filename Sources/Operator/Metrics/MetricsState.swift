internal import Hypervisor
internal import RunState
internal import ZFS

/// What is counted, and the last values, in `state_dir/metrics.json`: so the history is not read anew each time.
///
/// How far the history was read stands in the same file as what was counted of it: a crash at any instant counts
/// nothing twice.
struct MetricsState: Sendable, Codable, Equatable {
    /// The file's format; a file with a higher one is not touched.
    static let format = 1
    /// What was in no run for so long is not told any more.
    static let keptSeconds: Int64 = 30 * 86400

    /// A dataset with VMs.
    struct Dataset: Sendable, Codable, Equatable {
        let name: DatasetName
        var lastRun: RunID
        /// The last one in which all VMs on it got what they were to get.
        var lastSuccess: RunID?
    }

    /// What a VM got in the last snapshot of one dataset.
    struct Machine: Sendable, Codable, Equatable {
        var hypervisor: String
        let id: String
        var name: String
        let dataset: DatasetName
        var run: RunID
        var consistency: Consistency
        /// Nil where it got what it was to get.
        var reason: ReasonCode?
        var frozenMilliseconds: Int64?
        var pausedMilliseconds: Int64?
        /// Runs in a row with a fallback.
        var fallbacks: Int64 = 0
        /// The last run that counts in `fallbacks`.
        var countedRun: RunID?

        var key: Key { Key(machine: VMKey(id, of: hypervisor), dataset: dataset) }
    }

    struct Key: Hashable {
        let machine: VMKey
        let dataset: DatasetName
    }

    var format = MetricsState.format
    /// Of each day of the history: the bytes that were read.
    var readBytes: [String: Int64] = [:]
    /// The runs that were counted last, oldest first: a run whose end was interrupted is told of again.
    var countedRuns: [RunID] = []
    var runs: [String: Int64] = [:]
    var fallbacks: [String: Int64] = [:]
    var frozen = DurationHistogram()
    var paused = DurationHistogram()
    var datasets: [Dataset] = []
    var machines: [Machine] = []
}
