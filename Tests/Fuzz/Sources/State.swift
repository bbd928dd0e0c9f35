import Support

@testable import Configuration
@testable import Engine
@testable import Hooks
@testable import Hypervisor
@testable import JSON
@testable import Operator
@testable import RAMArchive
@testable import RunState
@testable import ZFS

/// A state file of each kind: what is accepted is written and read again as it is, and names only what has names.
func fuzzJSON(_ bytes: [UInt8]) {
    guard let kind = bytes.first else { return }
    let text = Array(bytes.dropFirst())
    switch kind % 5 {
    case 0:
        guard let run = stable(Run.self, text) else { return }
        for machine in run.machines { check(machine.datasets) }
        check(run.targets + run.recursiveTargets)
        _ = SnapshotProperties.bySnapshot(of: run)
    case 1:
        guard let point = stable(RestorePoint.self, text) else { return }
        for machine in point.machines { check(machine.datasets) }
        check(point.snapshots.map(\.name.dataset))
    case 2:
        if let read = try? SavedDefinition.decode(text, at: "x") {
            for path in read.images.compactMap(\.relativePath) + read.files {
                let parts = path.split(separator: "/", omittingEmptySubsequences: false)
                invariant(!parts.contains { $0.isEmpty || $0 == "." || $0 == ".." }, "\(path) leads elsewhere")
            }
        }
        guard let kept = stable(SavedDefinition.self, text) else { return }
        check(kept.images.map(\.dataset))
        let name = SavedDefinition.folderName(of: kept.id)
        invariant(name.isEmpty || RelativePath(name)?.parts.count == 1 || name.utf8.count > 255, "\(name) is no name")
    case 3: _ = stable(FreezeState.self, text)
    default: _ = stable(PackedDump.self, text)
    }
}

private func stable<Value: Codable & Equatable>(_ type: Value.Type, _ text: [UInt8]) -> Value? {
    guard let value = try? JSON.decode(type, from: text), let written = try? JSON.encode(value) else { return nil }
    guard let again = try? JSON.decode(type, from: written) else {
        invariant(false, "what was written is not read")
        return nil
    }
    invariant(again == value, "decode(encode(x)) is not x")
    invariant((try? JSON.encode(again)) == written, "it is written in two ways")
    return value
}

private func check(_ datasets: [DatasetName]) {
    for dataset in datasets {
        let parts = dataset.rawValue.split(separator: "/", omittingEmptySubsequences: false)
        invariant(!parts.contains { $0.isEmpty || $0 == "." || $0 == ".." }, "\(dataset) is no dataset's name")
        invariant(!dataset.rawValue.utf8.contains { $0 < 0x20 || $0 >= 0x7F }, "\(dataset) has odd characters")
    }
}

/// The properties of a snapshot: what is read of them is what was written, for any VM's name.
func fuzzProperties(_ bytes: [UInt8]) {
    var choices = Choices(bytes)
    var records: [VMRecord] = []
    while !choices.isEmpty, records.count < 64 {
        var record = VMRecord(hypervisor: "local", id: "\(records.count)", name: choices.text(), datasets: [])
        record.consistency = [Consistency.quiesced, .crash, nil, .stale][Int(choices.byte() % 4)]
        if record.consistency == .stale, choices.byte() % 2 == 0 { record.staleSince = Int64(choices.byte()) << 24 }
        records.append(record)
    }
    guard let run = RunID("20261121T110000Z-1f3c9a"), let properties = SnapshotProperties(records, run: run) else {
        return
    }
    for pair in properties.pairs {
        invariant(pair.value.utf8.count <= ZFSCommand.longestPropertyValue, "a value is too long")
        invariant(!pair.value.utf8.contains { $0 < 0x21 || $0 > 0x7E }, "a value has odd characters")
    }
    let read = SnapshotProperties.read(machines: properties.machines)
    for machine in read where !machine.name.isEmpty {
        invariant(
            records.contains {
                $0.name.utf8.elementsEqual(machine.name.utf8)
                    && ($0.consistency ?? .crash) == machine.consistency && $0.staleSince == machine.staleSince
            }, "\(machine) was not written")
    }
    let isCut = properties.machines.split(separator: ",").contains { $0.hasPrefix("+") }
    if !isCut { invariant(read.count == records.count { !$0.name.isEmpty }, "a VM is missing") }
    let text = String(decoding: bytes, as: UTF8.self)
    invariant(percentDecoded(percentEncoded(text)[...]).utf8.elementsEqual(text.utf8), "decoded(encoded(x)) is not x")
    _ = SnapshotProperties.read(machines: text)
}
