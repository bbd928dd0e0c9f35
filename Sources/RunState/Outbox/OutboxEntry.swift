internal import Hypervisor
internal import Support
package import ZFS

/// What somebody is to be told, as a hook leaves it in the outbox: what it knows, and no more work than to write it down.
package struct OutboxEntry: Sendable, Codable, Equatable {
    static let newestFormat = 1

    /// How what is told of has ended.
    package enum Ending: String, Sendable, Codable, CaseIterable {
        /// All VMs were released.
        case released
        /// pre-snapshot undid all.
        case undone
        /// No snapshot was taken.
        case untaken
        /// Something is still held.
        case open
        /// pre-snapshot could not do its work: there is no run.
        case failed
        /// A hypervisor did not answer pre-snapshot, which left its VMs alone.
        case unanswered
        /// The configuration is refused: no run freezes anything.
        case misconfigured
        /// RAM could not be moved to cold storage.
        case unarchived

        /// There is no snapshot by the run: its VMs got nothing, whatever was frozen.
        package var isWithoutSnapshot: Bool { self == .undone || self == .untaken }
    }

    package var format = newestFormat
    package var ending: Ending
    /// Nil where there is none.
    package var run: RunID?
    /// The program that takes the snapshots.
    package var manager: String
    /// In seconds since 1970.
    package var began: Int64
    package var ended: Int64
    /// Those that the manager named.
    package var datasets: [DatasetName]
    package var snapshots: [SnapshotName] = []
    /// The hypervisor that did not answer.
    package var hypervisor: String?
    /// What concerns more than one VM, in words.
    package var reasons: [String] = []
    package var machines: [VMRecord] = []
    /// The ways by which it is still to be told; nil: it is not decided yet.
    package var pending: [String]?

    package init(
        _ ending: Ending, run: RunID? = nil, manager: String, began: Int64, ended: Int64, datasets: [DatasetName],
        reasons: [String] = []
    ) {
        self.ending = ending
        self.run = run
        self.manager = manager
        self.began = began
        self.ended = ended
        self.datasets = datasets
        self.reasons = reasons
    }

    /// Of a run, with what is to be told of its VMs and nothing that only a release needs.
    package init(_ run: Run, _ ending: Ending, ended: Int64, reasons: [String]) {
        self.init(
            ending, run: run.id, manager: run.manager, began: run.id.time ?? ended, ended: ended,
            datasets: run.targets, reasons: reasons)
        snapshots = run.snapshots
        machines = run.machines.map { record in
            var record = record
            record.disksAtRest = nil
            record.ramDump = nil
            record.freezeState = nil
            return record
        }
    }

    /// Something fell back, failed or is still held.
    package var isProblem: Bool {
        ending != .released || !reasons.isEmpty || machines.contains(where: \.fellShort)
    }

    /// What is told once for as long as it lasts: `.open` in the file's name. Empty: each is told.
    var topic: String {
        switch ending {
        case .open: ".open"
        case .unarchived: ".unarchived"
        case .unanswered: Self.topic(unanswered: hypervisor ?? "")
        case .misconfigured: Self.misconfiguredTopic
        default: ""
        }
    }

    package static let misconfiguredTopic = ".misconfigured"

    package static func topic(unanswered hypervisor: String) -> String {
        ".unanswered-\(percentEncoded(hypervisor).prefix(100))"
    }
}
