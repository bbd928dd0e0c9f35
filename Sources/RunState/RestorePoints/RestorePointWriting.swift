package import Logging
package import ZFS

/// Puts a run that has ended into the catalogue.
package struct RestorePointWriting: Sendable {
    package let catalogue: Catalogue
    package let log: Logger

    package init(catalogue: Catalogue, log: Logger) {
        self.catalogue = catalogue
        self.log = log
    }

    /// Writes the run's restore point; a run whose snapshots were never taken and that has no RAM leaves none.
    /// - Parameters:
    ///   - listed: those of its snapshots that exist.
    ///   - coldStorage: dumps are to be moved there.
    /// - Returns: whether a dump waits to be moved.
    /// - Throws: StateError; the run must then stay open, or its dumps would be forgotten.
    package func write(_ run: Run, _ listed: Listed, coldStorage: String?) throws -> Bool {
        let holding = SnapshotProperties.bySnapshot(of: run).values.flatMap { $0 }
        // Those of parents too, so that whoever names one can be told which holds the VM.
        let names = Set(holding + run.snapshots).sorted()
        var guids: [SnapshotName: String]?
        switch listed {
        case .success(let snapshots): guids = Dictionary(snapshots.map { ($0.name, $0.guid) }) { first, _ in first }
        case .failure(let error):
            log.warning("\(error); the restore point knows its snapshots by their names alone")
        }
        // When zfs did not answer they may well be there.
        let mayBeThere = guids.map { known in holding.contains { known[$0] != nil } } ?? true
        guard run.machines.contains(where: { $0.ramDump != nil }) || mayBeThere else {
            catalogue.discardSavedDefinitions(of: run.id)
            return false
        }
        var point = RestorePoint(
            run,
            snapshots: names.map { name in
                let isMissing = guids.map { $0[name] == nil } ?? false
                return RestorePointSnapshot(name: name, guid: guids?[name], wasMissing: isMissing ? true : nil)
            })
        keepArchivedDumps(in: &point)
        try catalogue.write(point)
        let isWaiting = point.machines.contains { $0.dump.map { $0.packed == nil || $0.source != nil } ?? false }
        guard isWaiting, coldStorage != nil else { return false }
        try catalogue.markForArchive(run.id)
        return true
    }

    /// After a post that was killed before it could close the run, its dumps may be in cold storage already.
    private func keepArchivedDumps(in point: inout RestorePoint) {
        guard let known = try? catalogue.read(point.run) else { return }
        for index in point.machines.indices {
            let machine = point.machines[index]
            let same = known.machines.first { $0.key == machine.key }
            if let dump = same?.dump, dump.packed != nil { point.machines[index].dump = dump }
        }
    }
}
