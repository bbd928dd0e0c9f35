internal import Glibc
internal import Support
internal import SystemPackage

/// What became of each VM in past runs, also of those whose snapshots are pruned, or were never taken:
/// `state_dir/history/2026-11-21.tsv`, a file for each day (UTC) on which runs began.
///
/// It is there to be told from, and nothing is decided by it: a line that a power cut has torn is left out.
package struct RunHistory: Sendable {
    /// A year, and a month to compare it with.
    package static let keptDays = 400
    /// The oldest days beyond go first.
    package static let mostBytes: Int64 = 512 << 20

    package let folder: String

    package init(_ directory: StateDirectory) { folder = directory.path + "/history" }

    // MARK: writing

    /// Adds a line for each VM of a run.
    /// - Throws: Errno.
    package func append(_ run: Run, _ outcome: HistoryEntry.Outcome) throws {
        try append(run.machines.map { HistoryEntry($0, of: run, outcome) }, on: Self.day(of: run.id))
    }

    func append(_ entries: [HistoryEntry], on day: String, now: Int64 = Int64(time(nil))) throws {
        guard !entries.isEmpty else { return }
        mkdir(folder, 0o700)
        let path = "\(folder)/\(day).tsv"
        let isNew = !fileExists(path)
        let file = try FileDescriptor.open(
            FilePath(path), .writeOnly, options: [.create, .append, .noFollow, .closeOnExec],
            permissions: [.ownerReadWrite])
        // One write, so that lines of two runs do not mix; an end of line before each, so that a torn line spoils itself alone.
        let text = entries.map { "\n" + HistoryLine.text($0) }.joined()
        _ = try file.closeAfter { try file.writeAll(text.utf8) }
        if isNew { removeOld(now: now) }
    }

    /// Removes what is older than `keptDays`, and the oldest days while all take more than `mostBytes`.
    func removeOld(now: Int64) {
        let oldest = Self.day(at: now - Int64(Self.keptDays) * 86400)
        var total: Int64 = 0
        for day in days.reversed() {
            let path = "\(folder)/\(day).tsv"
            total += FileAccess.status(path).map { Int64($0.st_size) } ?? 0
            if day < oldest || total > Self.mostBytes { unlink(path) }
        }
    }

    // MARK: reading

    /// The days with runs, oldest first: `2026-11-21`.
    package var days: [String] {
        FileAccess.names(in: folder).filter { $0.hasSuffix(".tsv") && $0.utf8.count == 14 }.map {
            String($0.dropLast(4))
        }
    }

    /// The entries of a day in the order in which they were written; none where it cannot be read. A VM of a run has several
    /// where it could not be released at once: the last one counts.
    package func entries(on day: String) -> [HistoryEntry] {
        bytes(of: day).split(separator: UInt8(ascii: "\n")).compactMap { HistoryLine.entry($0) }
    }

    func bytes(of day: String) -> [UInt8] {
        (try? FileAccess.read("\(folder)/\(day).tsv", limit: Int(Self.mostBytes), followingLinks: false)) ?? []
    }

    /// The day on which a run began.
    package static func day(of run: RunID) -> String { day(at: run.time ?? 0) }

    /// `2026-11-21`, of seconds since 1970.
    package static func day(at time: Int64) -> String { String(utcText(time).prefix(10)) }
}
