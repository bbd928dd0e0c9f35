internal import RunState
internal import Support
internal import ZFS

/// What snapshots' `stillpoint:evidence` says of the VMs of runs: `db=ext4:clean,web=xfs:dirty`, names as in
/// `stillpoint:vms`; a word without a name is about every VM in the snapshot.
struct SnapshotEvidence: Sendable {
    private var byRun: [RunID: [String: Evidence]] = [:]

    init(_ snapshots: [ListedSnapshot] = []) {
        for snapshot in snapshots {
            guard let run = SnapshotProperties.run(in: snapshot),
                let text = snapshot.properties[SnapshotProperties.evidenceKey]
            else { continue }
            for (name, evidence) in Self.read(text) {
                byRun[run, default: [:]][name] = max(byRun[run]?[name] ?? .unknown, evidence)
            }
        }
    }

    var isEmpty: Bool { byRun.isEmpty }

    func of(_ name: String, in run: RunID) -> Evidence {
        guard !byRun.isEmpty, let names = byRun[run] else { return .unknown }
        return max(names[name] ?? .unknown, names[Self.all] ?? .unknown)
    }

    /// No VM is called so: a name in the property is not empty.
    private static let all = ""

    private static func read(_ text: String) -> [(name: String, evidence: Evidence)] {
        text.split(separator: ",").map { item in
            let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { return (all, verdict(item)) }
            // What names nobody is about nobody.
            return (percentDecoded(parts[0]), parts[0].isEmpty ? .unknown : verdict(parts[1]))
        }
    }

    private static func verdict(_ text: Substring) -> Evidence {
        let words = text.utf8.split { !$0.isLetterOrDigit }.map { String(Substring($0)) }
        if words.contains(where: { $0 == "dirty" }) { return .dirty }
        return words.contains { $0 == "clean" } ? .clean : .unknown
    }
}
