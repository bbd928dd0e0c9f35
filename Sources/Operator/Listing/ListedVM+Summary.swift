internal import Hypervisor
internal import Support
internal import ZFS

extension ListedVM {
    /// What `stillpoint show -r` prints: a line for the whole, and a paragraph for each VM, in however many of the snapshots
    /// it has disks.
    static func summary(of machines: [ListedVM], in name: SnapshotName) -> String {
        let byMachine = Dictionary(grouping: machines) { Key(run: $0.run, machine: $0.vmID ?? $0.vm) }
        let whole = byMachine.values.compactMap { parts in
            // Of disks of different consistency the VM has the least.
            parts.min { $0.claim < $1.claim }.map { ($0, places: parts.map(\.snapshot).sorted()) }
        }.sorted { ($0.0.vm, $0.places[0]) < ($1.0.vm, $1.places[0]) }
        guard let lowest = whole.map(\.0.claim).min() else { return nothing(in: "\(name), and what is below it,") }
        let counts = Dictionary(grouping: whole, by: \.0.claim).sorted { $0.key < $1.key }.map {
            "\($0.value.count) \($0.key.rawValue)"
        }
        let snapshots = Set(machines.map(\.snapshot)).count
        let head =
            "\(name) and below: \(lowest.rawValue) (\(counts.joined(separator: ", "))), in "
            + "\(snapshots) snapshot\(snapshots == 1 ? "" : "s")\n"
        return head
            + whole.map { machine, snapshots in
                machine.paragraph
                    + "    in: \(snapshots.map { printable($0, limit: 260) }.joined(separator: ", "))\n"
            }.joined()
    }

    /// What `stillpoint show` prints of a snapshot that holds no disk of a VM.
    static func absence(from name: SnapshotName, below: [ListedVM]) -> String {
        guard !below.isEmpty else { return nothing(in: "\(name)") }
        let names = Set(below.map { printable($0.vm) }).sorted()
        let shown = shortList(names, most: 10)
        return "no VM has a disk on \(name.dataset) itself; VMs with disks below it: \(shown). See them with: "
            + "stillpoint show -r \(shellQuoted("\(name)"))\n"
    }

    private static func nothing(in what: String) -> String { "\(what) was taken without Stillpoint, or holds no VM\n" }

    private struct Key: Hashable {
        let run: String?
        let machine: String
    }

    private var claim: Consistency { Consistency(rawValue: consistency) ?? .crash }
}
