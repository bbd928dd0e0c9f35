internal import Glibc
package import Support
internal import SystemPackage
internal import ZFS

/// What is still to be told: `state_dir/outbox/RUN.json`, a file for each report, readable by root alone.
///
/// A hook only writes there; `stillpoint notify` sends what it finds. Not as durable as a run's state: it is not worth the time.
package struct Outbox: Sendable {
    /// The oldest beyond are dropped.
    package static let most = 200
    package static let mostBytes: Int64 = 64 << 20

    package let folder: String
    private static let ending = ".json"

    package init(_ directory: StateDirectory) { folder = directory.path + "/outbox" }

    private func path(_ name: String) -> String { "\(folder)/\(name)" }

    // MARK: writing

    /// What became of a report that was added.
    package struct Addition: Sendable, Equatable {
        /// False where the same was told, or is about to be, and still lasts.
        package var isNew = true
        /// The files of those that had to make room.
        package var dropped: [String] = []
    }

    /// Adds a report, and drops the oldest ones where there is no room.
    /// - Throws: Errno, JSONError.
    package func add(_ entry: OutboxEntry) throws -> Addition {
        // Of a host on which no run was opened yet there is no state directory.
        for folder in [FileAccess.parent(folder), folder] { mkdir(folder, 0o700) }
        let known = names
        if !entry.topic.isEmpty, known.contains(where: { isSame($0, entry) }) { return Addition(isNew: false) }
        let id = (entry.ending == .unanswered ? nil : entry.run) ?? .make()
        try write(entry, to: id.text + entry.topic + Self.ending)
        return Addition(dropped: dropOldest())
    }

    private func isSame(_ name: String, _ entry: OutboxEntry) -> Bool {
        guard name.hasSuffix(entry.topic + Self.ending) else { return false }
        return entry.ending == .unanswered || entry.run.map { name.hasPrefix($0.text) } ?? true
    }

    /// Replaces a report.
    /// - Throws: Errno, JSONError.
    package func write(_ entry: OutboxEntry, to name: String) throws {
        let bytes = try StateFile.text(entry)
        let folder = try Folder(reaching: folder)
        let file = try folder.newFile(name + ".tmp")
        try file.closeAfter { _ = try file.writeAll(bytes) }
        try folder.rename(name + ".tmp", to: name)
    }

    /// Removes a report; fine when it is gone already.
    package func remove(_ name: String) { unlink(path(name)) }

    /// What was told of is over, a hypervisor has answered, say: when it is so again, that is told anew.
    package func withdraw(_ topics: [String]) {
        for name in names where topics.contains(where: { name.hasSuffix($0 + Self.ending) }) { remove(name) }
    }

    private func dropOldest() -> [String] {
        var (count, bytes, dropped) = (0, Int64(0), [String]())
        for name in names.reversed() {
            count += 1
            bytes += FileAccess.linkStatus(path(name)).map { Int64($0.st_size) } ?? 0
            // The newest stays whatever its size.
            guard count > 1, count > Self.most || bytes > Self.mostBytes else { continue }
            remove(name)
            dropped.append(name)
        }
        return dropped
    }

    // MARK: reading

    /// The files of the reports, oldest first: `20261121T110000Z-1f3c9a.json`.
    package var names: [String] {
        FileAccess.names(in: folder).filter { $0.hasSuffix(Self.ending) && Self.run(in: $0) != nil }
    }

    /// The id at the beginning of a file's name: the run's, or one of the second in which the report was added.
    package static func run(in name: String) -> RunID? { RunID(name.prefix(23)) }

    /// - Throws: StateError, where it is damaged or a later version's.
    package func read(_ name: String) throws -> OutboxEntry {
        try StateFile.read(
            OutboxEntry.self, at: path(name), newest: OutboxEntry.newestFormat,
            fix: (damaged: "nothing of it can be told", newer: "it is left for the version that wrote it"))
    }

    /// Held by the one process that sends; nil: another has it.
    /// - Throws: StateError.
    package func lock(in directory: StateDirectory) throws -> FileLock? {
        mkdir(folder, 0o700)
        return try directory.locking(path("lock")) { try FileLock(path: $0) }
    }

    /// The process that is sending; nil: none is, or it is not seen.
    package func sender(proc: String) -> Int32? {
        FileAccess.status(path("lock")).flatMap { processLocking(UInt64($0.st_ino), proc: proc) }
    }

    /// Whether a process is sending, which takes what is added now.
    package var isBeingSent: Bool {
        guard fileExists(path("lock")), let lock = try? FileLock(path: path("lock")) else {
            return fileExists(path("lock"))
        }
        withExtendedLifetime(lock) {}
        return false
    }
}
