internal import Hypervisor
internal import ZFS

/// A line of a day's file: fields between tabs in the order of `text`, then a note in each further one.
///
/// Lines and not JSON: a year of a thousand VMs is read in a second. A tab, an end of line and a backslash in a field are
/// written `\t`, `\n` and `\\`; an empty field is one that is not there.
enum HistoryLine {
    static let tab = UInt8(ascii: "\t")
    /// Places of fields by which lines are found.
    static let (idField, nameField, datasetsField) = (4, 5, 6)
    private static let fixed = 14
    /// Notes beyond, and bytes of one, are left out.
    private static let mostNotes = 8
    private static let longestNote = 400

    static func text(_ entry: HistoryEntry) -> String {
        let fields: [String] = [
            entry.run.text, entry.outcome.rawValue, entry.manager, entry.hypervisor, entry.id, entry.name,
            entry.datasets.map(\.rawValue).joined(separator: ","), entry.snapshot ?? "", entry.strategy?.rawValue ?? "",
            entry.consistency?.rawValue ?? "", entry.reason?.rawValue ?? "",
            entry.frozenMilliseconds.map { "\($0)" } ?? "", entry.pausedMilliseconds.map { "\($0)" } ?? "",
            entry.overlayBytes.map { "\($0)" } ?? "",
        ]
        let notes = entry.notes.prefix(mostNotes).map { String(decoding: $0.utf8.prefix(longestNote), as: UTF8.self) }
        return (fields + notes).map(escaped).joined(separator: "\t")
    }

    /// The first fields, as they stand in the line, for whoever seeks lines: to read them all takes ten times as long.
    static func keyFields(_ line: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
        line.split(separator: tab, maxSplits: datasetsField + 1, omittingEmptySubsequences: false)
    }

    /// What that field says.
    static func datasets(_ field: ArraySlice<UInt8>) -> [DatasetName] {
        field.split(separator: UInt8(ascii: ",")).compactMap { try? DatasetName(unescaped($0)) }
    }

    /// Nil where it is none: torn by a power cut, or of a later version that means something else.
    static func entry(_ line: ArraySlice<UInt8>) -> HistoryEntry? {
        let fields = line.split(separator: tab, omittingEmptySubsequences: false)
        guard fields.count >= fixed, let run = RunID(string(fields[0])),
            let outcome = HistoryEntry.Outcome(rawValue: string(fields[1]))
        else { return nil }
        var entry = HistoryEntry(
            run: run, manager: unescaped(fields[2]), outcome: outcome, hypervisor: unescaped(fields[3]),
            id: unescaped(fields[4]), name: unescaped(fields[5]),
            datasets: datasets(fields[datasetsField]),
            consistency: outcome.isWithoutSnapshot ? nil : Consistency(rawValue: string(fields[9])))
        if !fields[7].isEmpty { entry.snapshot = unescaped(fields[7]) }
        entry.strategy = Strategy(rawValue: unescaped(fields[8]))
        if !fields[10].isEmpty { entry.reason = ReasonCode(rawValue: unescaped(fields[10])) }
        entry.frozenMilliseconds = Int64(string(fields[11]))
        entry.pausedMilliseconds = Int64(string(fields[12]))
        entry.overlayBytes = UInt64(string(fields[13]))
        entry.notes = fields.dropFirst(fixed).map(unescaped)
        return entry
    }

    private static func string(_ field: ArraySlice<UInt8>) -> String { String(decoding: field, as: UTF8.self) }

    static func escaped(_ field: String) -> String {
        guard field.utf8.contains(where: { $0 == 9 || $0 == 10 || $0 == 92 }) else { return field }
        let bytes = field.utf8.flatMap { byte -> [UInt8] in
            switch byte {
            case 9: Array("\\t".utf8)
            case 10: Array("\\n".utf8)
            case 92: Array("\\\\".utf8)
            default: [byte]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    static func unescaped(_ field: ArraySlice<UInt8>) -> String {
        guard field.contains(UInt8(ascii: "\\")) else { return string(field) }
        var bytes: [UInt8] = []
        var isEscaped = false
        for byte in field {
            if !isEscaped, byte == UInt8(ascii: "\\") {
                isEscaped = true
                continue
            }
            switch byte {
            case UInt8(ascii: "t") where isEscaped: bytes.append(9)
            case UInt8(ascii: "n") where isEscaped: bytes.append(10)
            default: bytes.append(byte)
            }
            isEscaped = false
        }
        return string(bytes[...])
    }
}
