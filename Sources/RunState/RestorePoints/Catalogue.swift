internal import Bounds
internal import Glibc
package import Support
internal import SystemPackage

/// The restore points of this host: `state_dir/restore-points/RUN.json`.
///
/// Also there: `RUN/`, what was kept of VMs whose datasets are volumes and have no folder for it, and `RUN.archive`,
/// which says that a dump of the run waits to be moved to cold storage.
package struct Catalogue: Sendable {
    package let folder: String
    private let directory: StateDirectory
    /// What is kept of VMs is sealed with these keys.
    package let seals: SealKeys

    package init(_ directory: StateDirectory) {
        folder = directory.restorePoints
        self.directory = directory
        seals = SealKeys(directory)
    }

    private func file(_ run: RunID) -> String { "\(folder)/\(run).json" }
    private func mark(_ run: RunID) -> String { "\(folder)/\(run).archive" }
    /// What is kept of a run's VMs that have no dataset with a folder.
    func savedDefinitions(of run: RunID) -> String { "\(folder)/\(run)" }

    /// All that can be read, oldest first, and what is wrong with the others.
    package func all() -> (points: [RestorePoint], problems: [StateError]) {
        var points: [RestorePoint] = []
        var problems: [StateError] = []
        if let cause = obstacle(toReading: folder) {
            problems.append(
                StateError(
                    code: .directory,
                    description:
                        "\(folder) cannot be read (\(cause)), so of past runs only what the snapshots and cold "
                        + "storage say is known; run it as root", cause: cause))
        }
        // Each by its path where the way to them all cannot be trusted: that says why.
        let trusted = try? TrustedFolder(folder)
        var reader = RestorePointReader()
        for run in runs {
            do {
                let quick = try? trusted?.content(of: "\(run).json", limit: Budget.stateFile.bytes + 1)
                if let point = quick.flatMap({ reader.point($0) }) {
                    points.append(point)
                } else {
                    points.append(try read(run))
                }
            } catch {
                problems.append(error)
            }
        }
        return (points, problems)
    }

    /// The runs with a restore point, oldest first.
    package var runs: [RunID] { runs(ending: ".json") }

    /// The restore point of a run.
    package func read(_ run: RunID) throws(StateError) -> RestorePoint {
        try StateFile.read(
            RestorePoint.self, at: file(run), newest: RestorePoint.format,
            fix: (
                damaged: "move it away; what is in it is read again from the snapshots and from cold storage",
                newer: "use the version that wrote it"
            ))
    }

    package func contains(_ run: RunID) -> Bool { access(file(run), F_OK) == 0 }

    /// Makes a restore point durable.
    package func write(_ point: RestorePoint) throws(StateError) {
        mkdir(folder, 0o700)
        try StateFile.write(point, to: file(point.run))
    }

    /// Forgets what was kept here of the VMs of a run that leaves no restore point.
    package func discardSavedDefinitions(of run: RunID) {
        if !contains(run) { removeTree(at: savedDefinitions(of: run)) }
    }

    /// Forgets a run; what it saved of VMs here is deleted with it.
    package func remove(_ run: RunID) throws {
        removeTree(at: savedDefinitions(of: run))
        try removeFile(at: mark(run))
        try removeFile(at: file(run))
    }

    // MARK: what waits for cold storage

    /// Notes that the run has a dump that is to be moved; before the run is closed, so that it is never forgotten.
    package func markForArchive(_ run: RunID) throws {
        try replaceFile(at: mark(run), with: [])
    }

    package func unmarkForArchive(_ run: RunID) throws {
        try removeFile(at: mark(run))
    }

    /// The runs with a dump that is to be moved, oldest first.
    package func runsToArchive() -> [RunID] { runs(ending: ".archive") }

    /// Held while dumps are moved or deleted; also on a host that has nothing but a copy of cold storage.
    /// - Throws: StateError `.directory`.
    package func lockForArchive() throws -> FileLock {
        try directory.prepare()
        return try directory.locking(folder + "/lock") { try FileLock(waitingAt: $0) }
    }

    /// The same lock; nil when another process holds it.
    /// - Throws: StateError `.directory`.
    package func tryLockForArchive() throws -> FileLock? {
        try directory.prepare()
        return try directory.locking(folder + "/lock") { try FileLock(path: $0) }
    }

    /// The process that has that lock; nil: none has, or it is not seen.
    package func archiver(proc: String) -> Int32? {
        FileAccess.status(folder + "/lock").flatMap { processLocking(UInt64($0.st_ino), proc: proc) }
    }

    // MARK: what could not be pruned at once

    private var pruningMark: String { folder + "/prune" }

    /// Whether snapshots were destroyed while dumps were being moved.
    package var isPruningDeferred: Bool { access(pruningMark, F_OK) == 0 }

    /// Leaves it to whoever moves dumps to find those that no snapshot needs any more.
    package func deferPruning() throws { try replaceFile(at: pruningMark, with: []) }

    package func forgetPruning() throws { try removeFile(at: pruningMark) }

    private func runs(ending: String) -> [RunID] {
        FileAccess.names(in: folder).filter { $0.hasSuffix(ending) }.compactMap { RunID($0.dropLast(ending.count)) }
            .sorted()
    }
}

/// Why a folder cannot be read; nil: it can be, or is not there.
func obstacle(toReading folder: String) -> Errno? {
    guard access(folder, R_OK | X_OK) != 0, errno != ENOENT else { return nil }
    return Errno(rawValue: errno)
}
