internal import Hypervisor
internal import RAMArchive
internal import RunState
internal import Support
internal import ZFS

/// One VM in one snapshot, as `stillpoint list` and `show` tell it; docs/json.md documents its JSON.
struct ListedVM: Sendable, Codable, Equatable {
    struct RAM: Sendable, Codable, Equatable {
        /// Length of the dump.
        let bytes: UInt64
        /// Length of the file that holds it.
        let storedBytes: UInt64
        let path: String
        /// `ram_dir` or `cold_storage`.
        let place: String
        /// Of the dump, not of the packed file.
        let sha256: String?
        /// Why it is not in cold storage yet.
        let problem: String?
        /// Whether the file is there.
        let isThere: Bool
        /// Whether this host's catalogue, or a seal that it believes, says what the file is.
        let isSealed: Bool
    }

    let snapshot: String
    let guid: String
    let run: String?
    let vm: String
    let vmID: String?
    let consistency: String
    /// Why it is not more, in a word: `agent-silent`; nil where neither the snapshot nor a restore point says.
    var reason: String?
    /// Of a VM that is stale: when it wrote to its disks last, as `2026-11-21T11:00:00Z`; nil where nothing tells.
    var staleSince: String?
    let frozenMilliseconds: Int64?
    let pausedMilliseconds: Int64?
    let ram: RAM?
    /// Since the run began; nil where the run is not known.
    let ageSeconds: Int64?
    let notes: [String]
}

extension ListedVM {
    /// What is the same of all VMs in a snapshot.
    struct Place {
        let snapshot: String
        let guid: String
        let run: String
        let began: Int64?

        init(_ snapshot: ListedSnapshot, _ point: RestorePoint) {
            self.snapshot = snapshot.name.rawValue
            guid = snapshot.guid
            run = point.run.text
            began = point.run.time
        }
    }

    /// - Parameter claim: what the snapshot itself says of it.
    init(
        _ machine: RestorePointVM, in place: Place, claim: SnapshotProperties.Claim?, now: Int64,
        _ points: RestorePoints
    ) {
        // Never more than the snapshot itself says.
        let consistency = min(machine.consistency, claim?.consistency ?? machine.consistency)
        let staleSince = consistency == .stale ? claim?.staleSince ?? machine.staleSince : nil
        self.init(
            snapshot: place.snapshot, guid: place.guid, run: place.run, vm: machine.name, vmID: machine.id,
            consistency: consistency.rawValue, reason: (claim?.reason ?? machine.reason)?.rawValue,
            staleSince: staleSince.map(utcText),
            frozenMilliseconds: machine.frozenMilliseconds,
            pausedMilliseconds: machine.pausedMilliseconds,
            ram: machine.dump.map { RAM($0, isSealed: points.isVouchedFor($0)) },
            ageSeconds: place.began.map { now - $0 }, notes: machine.notes)
    }

    /// What the snapshot's own properties say, where neither catalogue nor cold storage know the run.
    static func all(by properties: ListedSnapshot, now: Int64) -> [ListedVM] {
        guard let words = properties.properties[SnapshotProperties.machinesKey] else { return [] }
        let run = SnapshotProperties.run(in: properties)
        return SnapshotProperties.read(machines: words).map { claim in
            ListedVM(
                snapshot: properties.name.rawValue, guid: properties.guid, run: run?.text, vm: claim.name, vmID: nil,
                consistency: claim.consistency.rawValue, reason: claim.reason?.rawValue,
                staleSince: claim.staleSince.map(utcText),
                frozenMilliseconds: nil, pausedMilliseconds: nil, ram: nil,
                ageSeconds: run?.time.map { now - $0 }, notes: [])
        }
    }
}

extension ListedVM.RAM {
    init(_ dump: StoredDump, isSealed: Bool = true) {
        self.init(
            bytes: dump.bytes, storedBytes: dump.packed?.storedBytes ?? dump.bytes, path: dump.path,
            place: dump.packed == nil ? "ram_dir" : "cold_storage", sha256: dump.packed?.sha256, problem: dump.problem,
            isThere: fileExists(dump.path), isSealed: isSealed)
    }
}
