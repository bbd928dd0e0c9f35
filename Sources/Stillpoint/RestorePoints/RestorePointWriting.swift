internal import Logging
internal import Storage

/// Puts a run that is over into the catalogue.
struct RestorePointWriting: Sendable {
    let catalogue: Catalogue
    let zfs: ZFSCommand
    let log: Logger

    /// Writes the run's restore point; a run whose snapshots were never taken and that has no RAM leaves none.
    /// - Parameter coldStorage: dumps are to be moved there.
    /// - Returns: whether a dump waits to be moved.
    /// - Throws: StateError; the run must then stay open, or its dumps would be forgotten.
    func write(_ run: Run, coldStorage: String?) async throws -> Bool {
        let names = SnapshotProperties.bySnapshot(of: run).values.flatMap { $0 }.sorted()
        var guids: [SnapshotName: String] = [:]
        do {
            guids = try await zfs.guids(of: names)
        } catch {
            log.warning("\(error); the restore point knows its snapshots by their names alone")
        }
        let hasDump = run.machines.contains { $0.ramDump != nil }
        guard hasDump || !guids.isEmpty else { return false }
        let snapshots = names.map { KeptSnapshot(name: $0, guid: guids[$0]) }
        try catalogue.write(RestorePoint(run, snapshots: snapshots))
        guard hasDump, coldStorage != nil else { return false }
        try catalogue.markForArchive(run.id)
        return true
    }
}
