internal import Hypervisor
internal import JSON
internal import ZFS

extension RestorePoint {
    /// As `StateFile` reads it, in a tenth of the time: a listing reads thousands. Nil where anything in it is otherwise than
    /// this version writes it, or it has a seal; `StateFile` says then what is wrong with it, if anything is.
    init?(quickly bytes: [UInt8]) {
        let read = try? JSONReading.read(bytes, within: .stateFile) { RestorePoint(quickly: $0) }
        guard let point = read ?? nil else { return nil }
        self = point
    }

    private init?(quickly file: JSONReading) {
        guard let format = file["format"]?.integer, 1...Int64(Self.format) ~= format, file["seal"] == nil,
            let run = file["run"]?.string.flatMap({ RunID($0) }), let manager = file["manager"]?.string,
            let snapshots = file["snapshots"]?.elements({ RestorePointSnapshot(quickly: $0) }),
            let machines = file["machines"]?.elements({ RestorePointVM(quickly: $0) })
        else { return nil }
        self.init(format: Int(format), run: run, manager: manager, snapshots: snapshots, machines: machines)
    }
}

extension RestorePointSnapshot {
    fileprivate init?(quickly member: JSONReading) {
        guard let name = member["name"]?.string.flatMap({ try? SnapshotName($0) }), member["wasMissing"] == nil else {
            guard let whole = member.decoded(Self.self) else { return nil }
            self = whole
            return
        }
        let guid = member["guid"]
        guard guid == nil || guid?.string != nil else { return nil }
        self.init(name: name, guid: guid?.string)
    }
}

extension RestorePointVM {
    fileprivate init?(quickly member: JSONReading) {
        let numbers = ["staleSince", "frozenMilliseconds", "pausedMilliseconds"].map { member[$0] }
        let words = ["reason", "kept"].map { member[$0] }
        guard let hypervisor = member["hypervisor"]?.string, let id = member["id"]?.string,
            let name = member["name"]?.string,
            let datasets = member["datasets"]?.elements({ $0.string.flatMap { try? DatasetName($0) } }),
            let consistency = member["consistency"]?.string.flatMap({ Consistency(rawValue: $0) }),
            let notes = member["notes"]?.elements({ $0.string }),
            numbers.allSatisfy({ $0 == nil || $0?.integer != nil }), words.allSatisfy({ $0 == nil || $0?.string != nil })
        else { return nil }
        var dump: StoredDump?
        if let member = member["dump"] {
            guard let whole = member.decoded(StoredDump.self) else { return nil }
            dump = whole
        }
        self.init(
            hypervisor: hypervisor, id: id, name: name, datasets: datasets, consistency: consistency,
            reason: words[0]?.string.map { ReasonCode(rawValue: $0) }, staleSince: numbers[0]?.integer,
            frozenMilliseconds: numbers[1]?.integer, pausedMilliseconds: numbers[2]?.integer, notes: notes, dump: dump,
            kept: words[1]?.string)
    }
}
