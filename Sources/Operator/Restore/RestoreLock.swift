internal import Engine
internal import Hypervisor
internal import RunState
internal import Support
internal import SystemPackage
internal import ZFS

/// Keeps hooks away from a VM while it is restored: an open run of its own, which hooks take for another's.
///
/// It names no target, so no post-snapshot takes it for its own; when the process dies, the run's lock ends with it and
/// nobody owns the file any more.
struct RestoreLock {
    private let directory: StateDirectory
    private let lock: FileLock
    private var run: Run

    /// - Throws: RestoreError `.refused` while a run on one of the datasets, or with the VM, is open; StateError.
    init(_ machine: VMRecord, in directory: StateDirectory) throws {
        let datasets = machine.datasets
        self.directory = directory
        try directory.prepare()
        (run, lock) = try directory.lockForClaims().withLock {
            for id in try directory.openRunIDs() {
                let run = try directory.read(id)
                let isAbandonedRestore =
                    try run.kind == .restore && directory.lock(run: id, waiting: false) != nil
                // What is half done is said until that VM is restored again.
                if isAbandonedRestore {
                    if run.interruptedRestore == nil || run.machines.contains(where: { $0.key == machine.key }) {
                        try directory.remove(id)
                    }
                    continue
                }
                let scope = Scope(run)
                let isConcerned =
                    run.machines.contains { $0.key == machine.key } || datasets.contains { scope.contains($0) }
                    || run.machines.contains { !Set($0.datasets).isDisjoint(with: datasets) }
                guard !isConcerned else {
                    let fix = Self.wayOut(of: run)
                    throw RestoreError(
                        .refused,
                        "the run \(id) on \(run.targets.map(\.rawValue).joined(separator: ", ")) is open: \(fix)"
                    )
                }
            }
            let run = Run(
                id: .make(), manager: Run.restoreManager, targets: [], recursiveTargets: [], snapshots: [],
                phase: .freezing,
                machines: [machine])
            guard let lock = try directory.lock(run: run.id, waiting: false) else { throw Errno.wouldBlock }
            try directory.write(run)
            return (run, lock)
        }
    }

    /// How to be rid of an open run; no second post-snapshot ends one whose release has begun.
    private static func wayOut(of run: Run) -> String {
        switch (run.kind, run.phase) {
        case (.restore, _): "another restore of it is running"
        case (.adoption, _), (_, .releasing), (_, .released):
            "its release is not over; stillpoint recover --run \(run.id)"
        case _ where run.earlyRelease != nil: "its release is not over; stillpoint recover --run \(run.id)"
        default: "wait for post-snapshot, or call it for that dataset"
        }
    }

    /// Notes that from now on the VM is not as it was.
    /// - Throws: StateError.
    mutating func begin() throws {
        run.machines[0].phase = .releasing
        try directory.write(run)
    }

    func end() throws {
        try lock.withLock { try directory.remove(run.id) }
    }
}
