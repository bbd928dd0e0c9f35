package import Logging
internal import RAMArchive
package import RunState
internal import Support
package import ZFS

/// Deletes RAM dumps whose snapshots are gone, and forgets runs that no snapshot refers to any more.
///
/// A dump is deleted with the last snapshot of its VM's disks, wherever on this host's pools that is and whatever it is
/// called by now. What cannot be attributed stays.
package struct Pruner: Sendable {
    package let catalogue: Catalogue
    package let coldStorage: String?
    package let zfs: ZFSCommand
    package let isDryRun: Bool
    package let log: Logger

    package init(catalogue: Catalogue, coldStorage: String?, zfs: ZFSCommand, isDryRun: Bool, log: Logger) {
        self.catalogue = catalogue
        self.coldStorage = coldStorage
        self.zfs = zfs
        self.isDryRun = isDryRun
        self.log = log
    }

    /// After snapshots were destroyed.
    package func prune(_ snapshots: [SnapshotName]) async throws {
        try await locked { try await prune(those: snapshots) }
    }

    private func locked(_ body: () async throws -> Void) async throws {
        guard !isDryRun else { return try await body() }
        try await catalogue.lockForArchive().withLockAwaiting(body)
    }

    /// The same, without waiting for a dump that is on its way to cold storage: a snapshot manager has no time for that.
    /// What would have been deleted is deleted after it.
    package func pruneNowOrLater(_ snapshots: [SnapshotName]) async throws {
        guard !isDryRun else { return try await prune(snapshots) }
        // Another prune is soon over, a dump of many gigabytes is not.
        var lock = try await Backoff(attempts: 10, every: .milliseconds(100)).firstValue {
            try catalogue.tryLockForArchive()
        }
        if lock == nil {
            try catalogue.deferPruning()
            // Whoever had it may just have checked for the note, and ended.
            lock = try catalogue.tryLockForArchive()
        }
        guard let lock else {
            return log.info("RAM dumps are being moved; those that no snapshot needs any more are deleted after that")
        }
        try await lock.withLockAwaiting {
            try await catalogue.isPruningDeferred ? pruneAllDeferred() : prune(those: snapshots)
        }
    }

    /// What was left for later, if something was.
    package func pruneDeferred() async throws {
        guard catalogue.isPruningDeferred else { return }
        try await catalogue.lockForArchive().withLockAwaiting { try await pruneAllDeferred() }
    }

    private func pruneAllDeferred() async throws {
        try catalogue.forgetPruning()
        try await prune { _ in true }
    }

    private func prune(those snapshots: [SnapshotName]) async throws {
        let names = Set(snapshots)
        try await prune { point in point.snapshots.contains { names.contains($0.name) } }
    }

    /// Checks all that is known, for snapshots that were destroyed without a call of the prune hook.
    package func pruneOrphans() async throws {
        try await locked { try await prune { _ in true } }
    }

    /// While the catalogue is locked: no dump changes its place.
    private func prune(where isConcerned: (RestorePoint) -> Bool) async throws {
        let known = RestorePoints(catalogue, coldStorage: coldStorage)
        for problem in known.problems { log.warning("\(problem)") }
        let points = known.points.filter(isConcerned)
        guard !points.isEmpty else { return }
        var presence = try await SnapshotPresence(of: points.flatMap(\.snapshots), zfs: zfs)
        for point in points { try await prunePoint(point, &presence) }
    }

    private func prunePoint(_ point: RestorePoint, _ presence: inout SnapshotPresence) async throws {
        var remaining: [RestorePointVM] = []
        for machine in point.machines {
            if try await isReferred(machine, point, &presence) {
                remaining.append(machine)
            } else if let dump = machine.dump, isOutOfReach(dump) {
                log.warning("\(dump.path) is not there; mount cold_storage to have it deleted")
                remaining.append(machine)
            } else {
                try delete(machine, of: point)
            }
        }
        // A catalogue that cannot be read may tell of more VMs than the side-cars do.
        guard !isDryRun, remaining.count < point.machines.count, (try? catalogue.read(point.run)) != nil else { return }
        if remaining.isEmpty {
            try catalogue.remove(point.run)
        } else {
            var rest = point
            rest.machines = remaining
            try catalogue.write(rest)
        }
    }

    private func isReferred(
        _ machine: RestorePointVM, _ point: RestorePoint, _ presence: inout SnapshotPresence
    ) async throws -> Bool {
        let snapshots = point.snapshots(of: machine)
        guard !snapshots.isEmpty || machine.dump == nil else {
            log.warning("\(machine.name) of \(point.run): its RAM is kept, since nothing says of which snapshot it is")
            return true
        }
        for snapshot in snapshots {
            switch try await presence.answer(snapshot, of: point.run) {
            case .there: return true
            case .gone: continue
            case .unknown:
                if machine.dump != nil {
                    let what =
                        "\(machine.name) of \(point.run): kept, since the pool of \(snapshot.name) is not imported"
                    log.info("\(what), or it has another name by now")
                }
                return true
            }
        }
        return false
    }

    /// In cold storage, which is not mounted.
    private func isOutOfReach(_ dump: StoredDump) -> Bool {
        guard let coldStorage, dump.packed != nil, dump.path.hasPrefix(coldStorage + "/") else { return false }
        return !fileExists(dump.path) && FileAccess.names(in: coldStorage).isEmpty
    }

    private func delete(_ machine: RestorePointVM, of point: RestorePoint) throws {
        guard let dump = machine.dump else { return }
        let what = "\(dump.path) (\(machine.name), \(((dump.packed?.storedBytes) ?? dump.bytes) >> 20) MiB)"
        guard !isDryRun else { return log.info("would delete \(what)") }
        for path in [dump.path, dump.source].compactMap({ $0 }) { try removeFile(at: path) }
        // Last: while it is there, what is left of the dump can still be attributed.
        if dump.packed != nil {
            try removeFile(at: ArchiveManifest.path(of: dump.path))
        } else if let coldStorage {
            try ArchiveManifest.removePartialArchive(of: machine, in: point, coldStorage: coldStorage)
        }
        log.info("deleted \(what): its snapshots are gone")
    }
}
