internal import Hypervisor
internal import Storage

/// Keeps hooks away from a VM while it is restored: an open run of its own, which hooks take for another's.
///
/// It names no target, so no post-snapshot takes it for its own; when the process dies, the run's lock goes with it and
/// nobody minds the file any more.
struct RestoreClaim {
    static let manager = "restore"

    private let directory: StateDirectory
    private let id: String
    private let lock: FileLock?

    /// - Throws: RestoreError `.refused` while a run on one of the datasets, or with the VM, is open; StateError.
    init(_ machine: MachineRecord, in directory: StateDirectory) throws {
        let datasets = machine.datasets
        self.directory = directory
        try directory.prepare()
        let claims = try directory.lockForClaims()
        defer { withExtendedLifetime(claims) {} }
        for id in try directory.openRunIDs() {
            let run = try directory.read(id)
            let isAbandonedRestore = try run.manager == Self.manager && directory.lock(run: id, waiting: false) != nil
            if isAbandonedRestore {
                try directory.remove(id)
                continue
            }
            let scope = Scope(run)
            let isConcerned =
                run.machines.contains { $0.key == machine.key } || datasets.contains { scope.contains($0) }
                || run.machines.contains { !Set($0.datasets).isDisjoint(with: datasets) }
            guard !isConcerned else {
                let mend =
                    run.manager == Self.manager
                    ? "another restore is at work on it" : "wait for post-snapshot, or call it for that dataset"
                throw RestoreError(
                    .refused, "the run \(id) on \(run.targets.map(\.rawValue).joined(separator: ", ")) is open: \(mend)"
                )
            }
        }
        id = makeRunID()
        lock = try directory.lock(run: id, waiting: false)
        try directory.write(
            Run(
                id: id, manager: Self.manager, targets: [], recursiveTargets: [], snapshots: [], phase: .freezing,
                machines: [machine]))
    }

    func end() throws {
        try directory.remove(id)
        withExtendedLifetime(lock) {}
    }
}
