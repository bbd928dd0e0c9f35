internal import SnapshotManagers
internal import Storage

/// The runs that wait for their release, oldest first, and the state files that say nothing.
struct OpenRuns {
    private(set) var runs: [Run] = []
    private(set) var unreadable: [any Error] = []

    init(_ ids: [RunID], in directory: StateDirectory) {
        for id in ids {
            do {
                runs.append(try directory.read(id))
            } catch {
                unreadable.append(error)
            }
        }
    }

    /// The run that a post belongs to: same target and a snapshot in common, else the newest that the same manager began
    /// on the target.
    ///
    /// The target alone must do: after a collision at the end of daylight saving time sanoid's snapshot has another
    /// name in post than it had in pre. Another manager's run is not over for that.
    func match(_ invocation: Invocation) -> Run? {
        let sameTarget = runs.filter { !Set($0.targets).isDisjoint(with: invocation.targets) }
        let names = Set(invocation.snapshotNames)
        return sameTarget.last { !names.isDisjoint(with: $0.snapshots.map(\.name)) }
            ?? sameTarget.last { $0.manager == invocation.manager.rawValue }
    }
}
