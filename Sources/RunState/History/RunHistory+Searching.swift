internal import Glibc
internal import Support
package import ZFS

extension RunHistory {
    /// Days beyond are not read when that many bytes were: a second's worth.
    private static let mostRead = 192 << 20

    /// Of each dataset the VMs of the last run that had some on it, each VM once, as it was told of last.
    package func lastRuns() -> [DatasetName: [HistoryEntry]] {
        var result: [DatasetName: [HistoryEntry]] = [:]
        var names: [ArraySlice<UInt8>: [DatasetName]] = [:]
        forEachDay { lines in
            var newest: [DatasetName: ArraySlice<UInt8>] = [:]
            for line in lines {
                let fields = HistoryLine.keyFields(line)
                guard fields.count > HistoryLine.datasetsField else { continue }
                let field = fields[HistoryLine.datasetsField]
                let datasets = names[field] ?? HistoryLine.datasets(field)
                names[field] = datasets
                for dataset in datasets where result[dataset] == nil {
                    let isNewer = newest[dataset].map { $0.lexicographicallyPrecedes(fields[0]) } ?? true
                    // A torn line is none.
                    guard isNewer, RunID(String(decoding: fields[0], as: UTF8.self)) != nil else { continue }
                    newest[dataset] = fields[0]
                }
            }
            let wanted = Set(newest.values)
            guard !wanted.isEmpty else { return true }
            var found: [DatasetName: [HistoryEntry]] = [:]
            for line in lines where wanted.contains(line.prefix { $0 != HistoryLine.tab }) {
                guard let entry = HistoryLine.entry(line) else { continue }
                for dataset in entry.datasets where newest[dataset]?.elementsEqual(entry.run.text.utf8) == true {
                    found[dataset, default: []].append(entry)
                }
            }
            for (dataset, entries) in found { result[dataset] = Self.lastOfEach(entries) }
            return true
        }
        return result
    }

    /// The entries of the VMs of that name or id, newest run first, each VM once a run.
    /// - Parameters:
    ///   - day: all since then are found, `2026-11-21`.
    ///   - most: of earlier ones as many as make so many runs of each VM.
    package func entries(of word: String, since day: String, most: Int) -> [HistoryEntry] {
        let sought = Array(HistoryLine.escaped(word).utf8)[...]
        var result: [HistoryEntry] = []
        var runs: [VMKey: Int] = [:]
        forEachDay { lines, name in
            if name < day, let fewest = runs.values.min(), fewest >= most { return false }
            let entries = lines.compactMap { line -> HistoryEntry? in
                let fields = HistoryLine.keyFields(line)
                guard fields.count > HistoryLine.nameField,
                    fields[HistoryLine.nameField] == sought || fields[HistoryLine.idField] == sought
                else { return nil }
                return HistoryLine.entry(line)
            }
            let found = Self.lastOfEach(entries).sorted { $1.run < $0.run }
            for entry in found { runs[entry.key, default: 0] += 1 }
            result += found
            return true
        }
        return result
    }

    /// Names of the VMs that there are entries of.
    package func names() -> Set<String> {
        var fields: Set<ArraySlice<UInt8>> = []
        forEachDay { lines in
            for line in lines {
                let found = HistoryLine.keyFields(line)
                if found.count > HistoryLine.nameField { fields.insert(found[HistoryLine.nameField]) }
            }
            // Copies: else each would keep a day's bytes.
            fields = Set(fields.map { Array($0)[...] })
            return true
        }
        return Set(fields.map { HistoryLine.unescaped($0) })
    }

    /// The last one of each VM in each run, in the order of their first ones.
    package static func lastOfEach(_ entries: [HistoryEntry]) -> [HistoryEntry] {
        var places: [Key: Int] = [:]
        var result: [HistoryEntry] = []
        for entry in entries {
            let key = Key(run: entry.run, machine: entry.key)
            if let place = places[key] {
                result[place] = entry
            } else {
                places[key] = result.count
                result.append(entry)
            }
        }
        return result
    }

    private struct Key: Hashable {
        let run: RunID
        let machine: VMKey
    }

    private func forEachDay(_ body: ([ArraySlice<UInt8>]) -> Bool) { forEachDay { lines, _ in body(lines) } }

    /// Gives the lines of one day after another, newest day first, until `body` wants no more. Days that have not come, since the
    /// clock was ahead, are the last ones.
    private func forEachDay(_ body: (_ lines: [ArraySlice<UInt8>], _ day: String) -> Bool) {
        var read = 0
        let today = Self.day(at: Int64(time(nil)))
        let newestFirst = days.filter { $0 <= today }.reversed() + days.filter { $0 > today }.reversed()
        for day in newestFirst where read < Self.mostRead {
            let bytes = self.bytes(of: day)
            read += bytes.count
            guard body(bytes.split(separator: UInt8(ascii: "\n")), day) else { return }
        }
    }
}
