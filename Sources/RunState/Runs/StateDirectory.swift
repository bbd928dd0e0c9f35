internal import Glibc
package import Support
internal import SystemPackage

/// `/var/lib/stillpoint`: one file for each open run, readable by root alone.
package struct StateDirectory: Sendable {
    package let path: String

    package init(_ path: String) {
        self.path = path
    }

    private var runs: String { path + "/runs" }
    /// What became of each run's snapshots; see `Catalogue`.
    var restorePoints: String { path + "/restore-points" }
    private func file(_ id: RunID) -> String { "\(runs)/\(id).json" }

    /// Makes the directories that are missing, with mode 0700.
    /// - Throws: StateError `.directory`, also where others could change what is in it.
    package func prepare() throws {
        for folder in [path, runs, restorePoints] {
            guard mkdir(folder, 0o700) == 0 || errno == EEXIST, access(folder, W_OK | X_OK) == 0 else {
                let cause = Errno(rawValue: errno)
                throw StateError(
                    "the state directory \(folder) cannot be used", fix: "create it for root, or set state_dir", cause)
            }
        }
        do {
            for folder in [runs, restorePoints] { try TrustedPath.requireFolder(folder) }
        } catch {
            throw StateError(
                code: .directory, description: "the state directory state_dir \(path) is not used: \(error)",
                cause: error)
        }
    }

    /// The ids of open runs, oldest first; none when the directory is not there.
    package func openRunIDs() throws -> [RunID] {
        guard let directory = opendir(runs) else {
            if errno == ENOENT { return [] }
            let cause = Errno(rawValue: errno)
            throw StateError("\(runs) cannot be read", cause)
        }
        defer { closedir(directory) }
        var ids: [RunID] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasSuffix(".json"), let id = RunID(name.dropLast(5)) { ids.append(id) }
        }
        return ids.sorted()
    }

    /// The open runs that can be read, oldest first: for those who name what cannot be elsewhere.
    package var readableRuns: [Run] { ((try? openRunIDs()) ?? []).compactMap { try? read($0) } }

    /// Reads a run.
    /// - Throws: StateError `.damaged` or `.newerFormat`; the file is not touched.
    package func read(_ id: RunID) throws -> Run {
        try StateFile.read(
            Run.self, at: file(id), newest: Run.format,
            fix: (
                damaged: "check with 'virsh domblklist' whether a VM of it is on an overlay, then move the file away",
                newer: "finish the run with the version that began it"
            ))
    }

    /// Makes the run's present state durable.
    /// - Throws: StateError `.notWritten`.
    package func write(_ run: Run, text: RunText = RunText()) throws {
        try StateFile.write(to: file(run.id)) { try text.bytes(of: run) }
    }

    /// Closes a run: its file is deleted.
    package func remove(_ id: RunID) throws {
        try removeFile(at: file(id))
        unlink("\(runs)/\(id).lock")
        unlink("\(runs)/\(id).guard")
    }

    /// Removes temporary files that a process left when it was killed while it wrote a state file.
    ///
    /// Call it while the lock for claims is held: nobody opens a run then.
    package func removeStrays() {
        for name in FileAccess.names(in: runs) {
            guard let ending = [".json.tmp", ".lock", ".guard"].first(where: { name.hasSuffix($0) }) else { continue }
            guard let id = RunID(name.dropLast(ending.count)) else { continue }
            // Whoever closes a run at this moment holds its lock.
            guard !isOpen(id), (try? lock(run: id, waiting: false)) ?? nil != nil else { continue }
            for ending in [".json.tmp", ".guard", ".lock"] { unlink("\(runs)/\(id)\(ending)") }
        }
    }

    /// Whether the run is still open.
    package func isOpen(_ id: RunID) -> Bool { access(file(id), F_OK) == 0 }

    /// Held by the process that works on the run.
    package func lock(run id: RunID, waiting: Bool) throws -> FileLock? {
        try locking("\(runs)/\(id).lock") { try waiting ? FileLock(waitingAt: $0) : FileLock(path: $0) }
    }

    /// The number of the file that `lock(run:)` locks, by which the kernel lists the lock.
    func lockFileNumber(run id: RunID) -> UInt64? {
        var status = stat()
        return stat("\(runs)/\(id).lock", &status) == 0 ? UInt64(status.st_ino) : nil
    }

    /// Held by the run's watchdog as long as it lives.
    package func lock(watchdogOf id: RunID) throws -> FileLock? {
        try locking("\(runs)/\(id).guard") { try FileLock(path: $0) }
    }

    /// Whether a descriptor, which this process was started with, is the lock of the run's watchdog, and holds it:
    /// whoever can show that was started by the run's pre-snapshot.
    package func isWatchdogLock(_ descriptor: Int32, of id: RunID) -> Bool {
        FileLock.isHeld(by: descriptor, path: "\(runs)/\(id).guard")
    }

    /// Whether the run ever had a watchdog.
    package func hadWatchdog(_ id: RunID) -> Bool { access("\(runs)/\(id).guard", F_OK) == 0 }

    /// Held while it is decided which run a VM belongs to.
    package func lockForClaims() throws -> FileLock {
        try locking(path + "/lock") { try FileLock(waitingAt: $0) }
    }

    /// - Throws: StateError that names the file.
    func locking<Lock>(_ file: String, _ take: (String) throws -> Lock) throws -> Lock {
        do {
            return try take(file)
        } catch {
            throw StateError("\(file) cannot be locked", error)
        }
    }
}
