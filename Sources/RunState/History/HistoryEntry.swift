package import Hypervisor
package import ZFS

/// What became of one VM in one run, as the history keeps it.
package struct HistoryEntry: Sendable, Equatable {
    /// How its run ended.
    package enum Outcome: String, Sendable, Codable, CaseIterable {
        /// All VMs were released.
        case released
        /// pre-snapshot undid all, since `on_failure = abort` wants it: there was no snapshot by it.
        case undone
        /// It was seen that no snapshot was taken.
        case untaken
        /// Something could not be released; a later line of the same run says what became of it.
        case open

        /// There is no snapshot by the run: its VMs got nothing, whatever was frozen.
        package var isWithoutSnapshot: Bool { self == .undone || self == .untaken }
    }

    package var run: RunID
    /// The program that takes the snapshots.
    package var manager: String
    package var outcome: Outcome
    package var hypervisor: String
    package var id: String
    package var name: String
    /// The snapshotted datasets that hold its disks.
    package var datasets: [DatasetName]
    /// That part of the snapshots' names behind the `@`; the first of those that the run announced.
    package var snapshot: String?
    /// The strategy that was carried out.
    package var strategy: Strategy?
    /// Nil where there is no snapshot by the run.
    package var consistency: Consistency?
    /// Why it is not more.
    package var reason: ReasonCode?
    package var frozenMilliseconds: Int64?
    package var pausedMilliseconds: Int64?
    /// What its overlays held when they were committed.
    package var overlayBytes: UInt64?
    /// In words: `quiesce: the agent did not answer`.
    package var notes: [String] = []

    package init(
        run: RunID, manager: String, outcome: Outcome, hypervisor: String, id: String, name: String,
        datasets: [DatasetName], consistency: Consistency?
    ) {
        self.run = run
        self.manager = manager
        self.outcome = outcome
        self.hypervisor = hypervisor
        self.id = id
        self.name = name
        self.datasets = datasets
        self.consistency = consistency
    }

    package var key: VMKey { VMKey(id, of: hypervisor) }

    /// It did not get what the first strategy of its list is for; as `VMRecord.fellShort`, by what the history keeps.
    package var fellShort: Bool { shortfall != nil }

    /// Why it fell short, in a word; nil where it did not.
    package var shortfall: ReasonCode? {
        if let reason { return reason == .configured ? nil : reason }
        if consistency == .stale { return .stale }
        guard let strategy, strategy != .crashConsistent, outcome.isWithoutSnapshot else { return nil }
        return outcome == .undone ? .undone : .noSnapshot
    }
}

extension HistoryEntry {
    init(_ record: VMRecord, of run: Run, _ outcome: Outcome) {
        self.init(
            run: run.id, manager: run.manager, outcome: outcome, hypervisor: record.hypervisor, id: record.id,
            name: record.name, datasets: record.datasets,
            consistency: outcome.isWithoutSnapshot ? nil : record.consistency)
        snapshot = run.snapshots.first?.name
        strategy = record.strategy
        reason = record.reason
        frozenMilliseconds = record.frozenWindow
        pausedMilliseconds = record.pausedMilliseconds
        overlayBytes = record.overlayBytes
        notes = record.reasonsInWords
    }
}
