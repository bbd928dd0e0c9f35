internal import Hypervisor
internal import RunState
internal import ZFS

/// What somebody is told of a run: docs/json.md has each field. A webhook and `on_problem` get it as JSON, a mail is made of it.
struct RunReport: Sendable, Codable, Equatable {
    /// How it went, in a word.
    enum Outcome: String, Sendable, Codable {
        /// Each VM got what its first strategy is for.
        case well
        /// One did not.
        case fallback
        /// There is no snapshot that holds what it should, or something else came to nothing.
        case failed
        /// Something is still held.
        case open
        /// Nothing has happened: `stillpoint notify --test`.
        case test
    }

    /// A VM of the run.
    struct Machine: Sendable, Codable, Equatable {
        struct Fallback: Sendable, Codable, Equatable {
            let strategy: Strategy
            let code: ReasonCode?
            let reason: String
        }

        let vm: String
        let vmID: String
        let hypervisor: String
        let datasets: [DatasetName]
        /// The first of its strategies.
        let wanted: Strategy?
        /// The one that was carried out.
        let strategy: Strategy?
        let consistency: Consistency?
        /// Why it is not more.
        let reason: ReasonCode?
        let isProblem: Bool
        let fallbacks: [Fallback]
        let notes: [String]
        let frozenMilliseconds: Int64?
        let pausedMilliseconds: Int64?
    }

    static let untaken = "no snapshot was taken while the VMs were held"

    var format = 1
    /// The same each time that it is sent.
    let id: String
    let host: String
    var run: RunID?
    let manager: String
    let began: Int64
    let ended: Int64
    let datasets: [DatasetName]
    let snapshots: [SnapshotName]
    let outcome: Outcome
    let reasons: [String]
    let machines: [Machine]
}

extension RunReport {
    /// - Parameter id: of the outbox's file.
    init(_ entry: OutboxEntry, id: String, host: String) {
        self.id = id
        self.host = host
        run = entry.run
        manager = entry.manager
        began = entry.began
        ended = entry.ended
        datasets = entry.datasets
        snapshots = entry.snapshots
        outcome = Outcome(entry)
        reasons = (entry.ending == .untaken ? [Self.untaken] : []) + entry.reasons
        machines = entry.machines.map { Machine($0, isWithoutSnapshot: entry.ending.isWithoutSnapshot) }
    }

    /// What `stillpoint notify --test` sends.
    init(testOf host: String, id: RunID) {
        self.id = id.text
        self.host = host
        manager = "stillpoint"
        began = id.time ?? 0
        ended = began
        datasets = []
        snapshots = []
        outcome = .test
        reasons = ["nothing has happened: this was sent by stillpoint notify --test"]
        machines = []
    }

    /// Those that did not get what they should have.
    var problems: [Machine] { machines.filter(\.isProblem) }
}

extension RunReport.Outcome {
    init(_ entry: OutboxEntry) {
        switch entry.ending {
        case .open: self = .open
        case .undone, .untaken, .failed, .unanswered, .misconfigured, .unarchived: self = .failed
        case .released where entry.machines.contains { $0.consistency == .stale }: self = .failed
        case .released: self = entry.isProblem ? .fallback : .well
        }
    }
}

extension RunReport.Machine {
    fileprivate init(_ record: VMRecord, isWithoutSnapshot: Bool) {
        vm = record.name
        vmID = record.id
        hypervisor = record.hypervisor
        datasets = record.datasets
        wanted = record.wanted
        strategy = record.strategy
        consistency = isWithoutSnapshot ? nil : record.consistency
        reason = record.reason
        isProblem = record.fellShort || isWithoutSnapshot && record.reason != .configured
        fallbacks = record.fallbacks.map { Fallback(strategy: $0.strategy, code: $0.code, reason: $0.reason) }
        notes = record.notes
        frozenMilliseconds = record.frozenWindow
        pausedMilliseconds = record.pausedMilliseconds
    }
}
