internal import RunState
internal import ZFS

extension HistoryEntry {
    /// What a restore point tells of a run that was before the history began.
    static func all(of point: RestorePoint) -> [HistoryEntry] {
        point.machines.map { machine in
            var entry = HistoryEntry(
                run: point.run, manager: point.manager, outcome: .released, hypervisor: machine.hypervisor,
                id: machine.id, name: machine.name, datasets: machine.datasets, consistency: machine.consistency)
            entry.snapshot = point.snapshots.first?.name.name
            entry.frozenMilliseconds = machine.frozenMilliseconds
            entry.pausedMilliseconds = machine.pausedMilliseconds
            entry.notes = machine.notes
            return entry
        }
    }
}
