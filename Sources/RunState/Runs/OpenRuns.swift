package import Hypervisor
package import SnapshotManagers
internal import ZFS

/// The runs that wait for their release, oldest first, and the state files that say nothing.
package struct OpenRuns {
    package private(set) var runs: [Run] = []
    package private(set) var unreadable: [any Error] = []
    private let ids: Set<String>

    package init(_ ids: [RunID], in directory: StateDirectory) {
        self.ids = Set(ids.map(\.text))
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
    package func match(_ invocation: Invocation) -> Run? {
        let sameTarget = runs.filter { !Set($0.targets).isDisjoint(with: invocation.targets) }
        let names = Set(invocation.snapshotNames)
        return sameTarget.last { !names.isDisjoint(with: $0.snapshots.map(\.name)) }
            ?? sameTarget.last { $0.manager == invocation.manager.rawValue }
    }
}

extension OpenRuns {
    /// Whether what was left on a VM is one of these runs': by the run's id, or since it holds one of the overlays. Which run
    /// made an overlay its name does not say, but a run notes what it makes before it is there.
    package func has(_ leftover: Leftover) -> Bool {
        let overlays = Set(leftover.freezeState.disks.map(\.overlay))
        if let run = leftover.run, ids.contains(run) { return true }
        return runs.flatMap(\.machines).contains { machine in
            machine.freezeState?.disks.contains { overlays.contains($0.overlay) } == true
        }
    }

    /// Whether one of them is about to freeze the VM.
    package func plans(_ key: VMKey) -> Bool {
        runs.contains { run in
            run.phase == .freezing && run.machines.contains { $0.key == key && $0.consistency == nil }
        }
    }
}
