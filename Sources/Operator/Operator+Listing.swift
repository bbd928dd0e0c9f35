internal import Configuration
package import Engine
internal import Logging
internal import RunState
internal import ZFS

extension Operator {
    /// `stillpoint list [DATASET]`
    package func list(_ dataset: String?, json: Bool) async -> ExitCode {
        await perform { configuration in
            let dataset = try dataset.map { try DatasetName($0) }
            // What cannot be read is said also where zfs refuses.
            let listing = self.listing(configuration)
            if let dataset, try await !context.zfs.exists(dataset.rawValue) {
                throw UnknownDatasetError(dataset: dataset)
            }
            let snapshots = try await whileWaiting(for: "zfs") { try await listing.snapshots(of: dataset) }
            if json {
                try write(listing.machines(of: snapshots))
            } else {
                let table = ListedVM.table(listing.machines(of: snapshots))
                guard !table.rows.isEmpty else {
                    let which = dataset.map { "a snapshot of \($0) or below it" } ?? "any snapshot"
                    say("no VM is known in \(which)\n")
                    return .done
                }
                write(table)
            }
            return .done
        }
    }

    /// `stillpoint show [-r] DATASET@SNAP`
    package func show(_ snapshot: String, recursive: Bool = false, json: Bool) async -> ExitCode {
        await perform { configuration in
            let (name, listing) = (try SnapshotName(snapshot), self.listing(configuration))
            let own = try await listing.machines(in: name)
            let below = recursive || own.isEmpty && !json ? try await listing.machines(below: name) : []
            let shown = recursive ? own + below : own
            if json {
                try write(shown)
            } else if recursive {
                say(ListedVM.summary(of: shown, in: name), paint: palette.showLine)
            } else {
                let text =
                    shown.isEmpty ? ListedVM.absence(from: name, below: below) : shown.map(\.paragraph).joined()
                say(text, paint: palette.showLine)
            }
            return .done
        }
    }

    private func listing(_ configuration: Configuration) -> Listing {
        let points = RestorePoints(catalogue(configuration), coldStorage: configuration.coldStorage)
        for problem in points.problems { context.log.warning("\(problem)") }
        // Those whose files cannot be read are status's to name.
        let directory = StateDirectory(configuration.stateDirectory)
        return Listing(points: points, zfs: context.zfs, openRuns: directory.readableRuns)
    }

    private func write(_ machines: some Sequence<ListedVM>) throws {
        try forEachPart(ofJSON: machines) { write($0) }
    }
}

/// The JSON of a list, as `JSON.encode` writes it, in parts: all of it at once would take a gigabyte.
func forEachPart(ofJSON values: some Sequence<some Encodable>, _ body: (String) -> Void) throws {
    var part = "["
    var isFirst = true
    for value in values {
        part += isFirst ? "\n" : ",\n"
        isFirst = false
        let lines = try StateFile.text(value).split(separator: UInt8(ascii: "\n"))
        part += lines.map { "  " + String(decoding: $0, as: UTF8.self) }.joined(separator: "\n")
        guard part.utf8.count >= 1 << 16 else { continue }
        body(part)
        part = ""
    }
    body(part + (isFirst ? "]\n" : "\n]\n"))
}
