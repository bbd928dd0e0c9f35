@testable import Hypervisor
@testable import JSON
@testable import RunState
@testable import ZFS

/// A day of the history: each line that is read is written and read again as it is; so is a VM whose texts are any.
func fuzzHistory(_ bytes: [UInt8]) {
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
        guard let entry = HistoryLine.entry(line) else { continue }
        let written = Array(HistoryLine.text(entry).utf8)
        invariant(!written.contains(UInt8(ascii: "\n")), "a line has an end of line in it")
        guard let again = HistoryLine.entry(written[...]) else {
            invariant(false, "what was written is not read")
            return
        }
        invariant(again.key == entry.key && again.name == entry.name && again.datasets == entry.datasets, "another VM")
        invariant(again.consistency == entry.consistency && again.outcome == entry.outcome, "it got something else")
    }
    let text = String(decoding: bytes, as: UTF8.self)
    guard let run = RunID("20261121T110000Z-1f3c9a") else { return }
    var entry = HistoryEntry(
        run: run, manager: "sanoid", outcome: .released, hypervisor: "local", id: text, name: text, datasets: [],
        consistency: .quiesced)
    entry.snapshot = text.isEmpty ? nil : text
    let read = HistoryLine.entry(Array(HistoryLine.text(entry).utf8)[...])
    invariant(read?.name.utf8.elementsEqual(text.utf8) == true && read?.id == read?.name, "decode(encode(x)) is not x")
}

/// A restore point: the quick reader reads what the usual one reads, or leaves it to that.
func fuzzRestorePoint(_ bytes: [UInt8]) {
    var reader = RestorePointReader()
    guard let quick = reader.point(bytes) else { return }
    let usual = try? StateFile.decode(
        RestorePoint.self, bytes, from: "x", newest: RestorePoint.format, fix: (damaged: "", newer: ""))
    invariant(usual == quick, "the quick reader reads otherwise")
}
