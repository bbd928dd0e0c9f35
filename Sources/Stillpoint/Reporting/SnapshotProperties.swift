internal import Hypervisor
internal import Logging
internal import ZFS

/// What a snapshot says of the VMs in it: the user properties `stillpoint:consistency`, `:vms` and `:run`.
struct SnapshotProperties: Sendable, Hashable {
    static let consistencyKey = "stillpoint:consistency"
    static let machinesKey = "stillpoint:vms"
    static let runKey = "stillpoint:run"

    let consistency: String
    let machines: String
    let run: RunID

    /// Nil where there are no VMs.
    init?(_ records: [MachineRecord], run: RunID) {
        guard let lowest = records.compactMap(\.consistency).min() else { return nil }
        consistency = lowest.rawValue
        self.run = run
        let words = records.sorted { $0.name < $1.name }.map { record in
            "\(encoded(record.name))=\(Self.word(record))"
        }
        machines = Self.joined(words)
    }

    var pairs: [(name: String, value: String)] {
        [(Self.consistencyKey, consistency), (Self.machinesKey, machines), (Self.runKey, run.text)]
    }

    /// What a listing asks for.
    static let listedKeys = [runKey, machinesKey]

    /// The run that a snapshot says it is of.
    static func run(in snapshot: ListedSnapshot) -> RunID? { snapshot.properties[runKey].flatMap { RunID($0) } }

    /// `quiesced`; of a VM that is stale with the time: `stale:2026-11-21T11:00:00Z`. Versions that do not know that word
    /// take it for one that claims nothing.
    private static func word(_ record: MachineRecord) -> String {
        let consistency = record.consistency ?? .crash
        guard consistency == .stale, let since = record.staleSince else { return consistency.rawValue }
        return "\(consistency.rawValue):\(utcText(since))"
    }

    /// What a snapshot says of one VM.
    struct Claim: Sendable, Equatable {
        let name: String
        let consistency: Consistency
        var staleSince: Int64?
    }

    /// Reads `stillpoint:vms` back; what did not fit into it is left out, and a word that is no consistency claims none.
    static func read(machines text: String) -> [Claim] {
        text.split(separator: ",").compactMap { word in
            let parts = word.split(separator: "=", maxSplits: 1)
            guard parts.count == 2 else { return nil }
            let words = parts[1].split(separator: ":", maxSplits: 1)
            let name = decoded(parts[0])
            if words.first.flatMap({ Consistency(rawValue: String($0)) }) == .stale {
                return Claim(
                    name: name, consistency: .stale, staleSince: words.dropFirst().first.flatMap { utcTime($0) })
            }
            return Claim(name: name, consistency: Consistency(rawValue: String(parts[1])) ?? .crash)
        }
    }

    /// What a snapshot itself says of the VMs of that name, the least of it; nil where it says nothing.
    static func claim(of name: String, in snapshot: ListedSnapshot) -> Claim? {
        read(machines: snapshot.properties[machinesKey] ?? "").filter { $0.name == name }
            .min { $0.consistency < $1.consistency }
    }

    /// As many as fit, then how many more.
    private static func joined(_ words: [String]) -> String {
        var text = ""
        for (index, word) in words.enumerated() {
            let rest = ",+\(words.count - index)"
            let longer = text.isEmpty ? word : text + "," + word
            guard longer.utf8.count + rest.utf8.count <= ZFSCommand.longestPropertyValue else {
                return text.isEmpty ? "+\(words.count)" : text + rest
            }
            text = longer
        }
        return text
    }
}

extension SnapshotProperties {
    /// The properties of each snapshot that holds a disk of a run's VMs, snapshots of recursive targets' children included.
    ///
    /// Each names the VMs with a disk on that very dataset: a parent's snapshot can bring back none of those below it, and
    /// is destroyed, sent and rolled back without them.
    static func bySnapshot(of run: Run) -> [SnapshotProperties: [SnapshotName]] {
        let scope = Scope(run)
        var result: [SnapshotProperties: [SnapshotName]] = [:]
        for snapshot in run.snapshots {
            let isRecursive = run.recursiveTargets.contains(snapshot.dataset)
            var datasets = [snapshot.dataset]
            if isRecursive {
                datasets += Set(run.machines.flatMap(\.datasets)).sorted().filter {
                    $0 != snapshot.dataset && $0.isSameOrDescendant(of: snapshot.dataset) && scope.contains($0)
                }
            }
            for dataset in datasets {
                let records = run.machines.filter { $0.datasets.contains(dataset) }
                guard let properties = SnapshotProperties(records, run: run.id),
                    let name = try? SnapshotName(dataset: dataset, name: snapshot.name)
                else { continue }
                result[properties, default: []].append(name)
            }
        }
        return result
    }
}

/// Percent-encoded but for letters, digits and `-._`, so that `,`, `=` and `/` mean what they say.
func encoded(_ name: String) -> String {
    name.utf8.reduce(into: "") { text, byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
            text.unicodeScalars.append(Unicode.Scalar(byte))
        default:
            let digits = String(byte, radix: 16, uppercase: true)
            text += digits.utf8.count == 1 ? "%0\(digits)" : "%\(digits)"
        }
    }
}

/// Undoes `encoded`; a percent sign without two digits stays as it is.
func decoded(_ text: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
        if byte == UInt8(ascii: "%"), rest.count >= 2,
            let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
        {
            bytes.append(value)
            rest = rest.dropFirst(2)
        } else {
            bytes.append(byte)
        }
    }
    return String(decoding: bytes, as: UTF8.self)
}
