package import Hypervisor
internal import Support
package import ZFS

/// What a snapshot says of the VMs in it: the user properties `stillpoint:consistency`, `:vms` and `:run`.
package struct SnapshotProperties: Sendable, Hashable {
    static let consistencyKey = "stillpoint:consistency"
    package static let machinesKey = "stillpoint:vms"
    package static let runKey = "stillpoint:run"
    /// What the file systems in the snapshot itself say.
    package static let evidenceKey = "stillpoint:evidence"

    let consistency: String
    let machines: String
    let run: RunID

    /// Nil where there are no VMs.
    init?(_ records: [VMRecord], run: RunID) {
        guard let lowest = records.compactMap(\.consistency).min() else { return nil }
        consistency = lowest.rawValue
        self.run = run
        let sorted = records.sorted { $0.name < $1.name }
        func joined(withReasons: Bool) -> (text: String, isWhole: Bool) {
            Self.joined(
                sorted.map { "\(percentEncoded($0.name))=\(Self.word($0, withReason: withReasons))" })
        }
        // What one VM got matters more than why another got no more.
        let whole = joined(withReasons: true)
        machines = whole.isWhole ? whole.text : joined(withReasons: false).text
    }

    package var pairs: [(name: String, value: String)] {
        [(Self.consistencyKey, consistency), (Self.machinesKey, machines), (Self.runKey, run.text)]
    }

    /// What a listing asks for.
    package static let listedKeys = [runKey, machinesKey]

    /// The run that a snapshot says it is of.
    package static func run(in snapshot: ListedSnapshot) -> RunID? { snapshot.properties[runKey].flatMap { RunID($0) } }

    /// `quiesced`; of a VM that got less with why: `crash:agent-silent`; of one that is stale with the time:
    /// `stale:2026-11-21T11:00:00Z`. Versions that do not know such a word take it for one that claims nothing.
    private static func word(_ record: VMRecord, withReason: Bool) -> String {
        let consistency = record.consistency ?? .crash
        let detail: String?
        switch consistency {
        case .stale: detail = record.staleSince.map(utcText)
        case .crash where withReason: detail = record.reason.flatMap { ReasonCode(reading: $0.rawValue)?.rawValue }
        case .crash, .off, .quiesced, .memory: detail = nil
        }
        return ([consistency.rawValue] + [detail].compactMap { $0 }).joined(separator: ":")
    }

    /// What a snapshot says of one VM.
    package struct Claim: Sendable, Equatable {
        package let name: String
        package let consistency: Consistency
        package var staleSince: Int64?
        /// Why it is `crash`; nil where the snapshot does not say.
        package var reason: ReasonCode?
    }

    /// Reads `stillpoint:vms` back; what did not fit into it is left out, and a word that is no consistency claims none.
    package static func read(machines text: String) -> [Claim] {
        // By bytes: to find characters takes ten times as long, and a listing has many.
        text.utf8.split(separator: UInt8(ascii: ",")).compactMap { word in
            let parts = word.split(separator: UInt8(ascii: "="), maxSplits: 1).map { Substring($0) }
            guard parts.count == 2 else { return nil }
            let words = parts[1].utf8.split(separator: UInt8(ascii: ":"), maxSplits: 1).map { Substring($0) }
            let name = percentDecoded(parts[0])
            let detail = words.dropFirst().first
            switch words.first.flatMap({ Consistency(rawValue: String($0)) }) {
            case .stale: return Claim(name: name, consistency: .stale, staleSince: detail.flatMap { utcTime($0) })
            case .crash:
                return Claim(
                    name: name, consistency: .crash, reason: detail.flatMap { ReasonCode(reading: $0) })
            case .off, .quiesced, .memory, nil:
                return Claim(name: name, consistency: Consistency(rawValue: String(parts[1])) ?? .crash)
            }
        }
    }

    /// What a snapshot itself says of the VMs of that name, the least of it; nil where it says nothing.
    package static func claim(of name: String, in snapshot: ListedSnapshot) -> Claim? {
        claims(in: snapshot)[name]
    }

    /// What a snapshot itself says of each VM, by name, the least of it: for those who ask of many.
    package static func claims(in snapshot: ListedSnapshot) -> [String: Claim] {
        Dictionary(read(machines: snapshot.properties[machinesKey] ?? "").map { ($0.name, $0) }) {
            $1.consistency < $0.consistency ? $1 : $0
        }
    }

    /// As many as fit, then how many more.
    private static func joined(_ words: [String]) -> (text: String, isWhole: Bool) {
        var text = ""
        for (index, word) in words.enumerated() {
            let rest = ",+\(words.count - index)"
            let longer = text.isEmpty ? word : text + "," + word
            guard longer.utf8.count + rest.utf8.count <= ZFSCommand.longestPropertyValue else {
                return (text.isEmpty ? "+\(words.count)" : text + rest, false)
            }
            text = longer
        }
        return (text, true)
    }
}

extension SnapshotProperties {
    /// The properties of each snapshot that holds a disk of a run's VMs, snapshots of recursive targets' children included.
    ///
    /// Each names the VMs with a disk on that very dataset: a parent's snapshot can bring back none of those below it, and
    /// is destroyed, sent and rolled back without them.
    package static func bySnapshot(of run: Run) -> [SnapshotProperties: [SnapshotName]] {
        var result: [SnapshotProperties: [SnapshotName]] = [:]
        for snapshot in run.snapshots {
            for name in run.names(takenWith: snapshot) {
                let records = run.machines.filter { $0.datasets.contains(name.dataset) }
                guard let properties = SnapshotProperties(records, run: run.id) else { continue }
                result[properties, default: []].append(name)
            }
        }
        return result
    }
}

extension Run {
    /// A snapshot that was announced and, of a recursive one, those that it takes along of datasets that hold disks of its VMs.
    package func names(takenWith snapshot: SnapshotName) -> [SnapshotName] {
        guard recursiveTargets.contains(snapshot.dataset) else { return [snapshot] }
        let scope = Scope(self)
        let below = Set(machines.flatMap(\.datasets)).sorted().filter {
            $0 != snapshot.dataset && $0.isSameOrDescendant(of: snapshot.dataset) && scope.contains($0)
        }
        return [snapshot] + below.compactMap { try? SnapshotName(dataset: $0, name: snapshot.name) }
    }
}
