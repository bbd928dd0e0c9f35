internal import Glibc
internal import Hypervisor
internal import RunState
internal import ZFS

/// Whether the snapshots that hold a VM's disks were taken before its release began.
enum SnapshotOrder: Sendable, Equatable {
    /// All of them before.
    case earlier
    /// All of them after: nothing that was held can belong to them.
    case later
    /// Nobody says, or they differ.
    case unknown(String)

    /// By what zfs says of the run's snapshots.
    init(of machine: VMRecord, in run: Run, _ early: EarlyRelease, _ listed: Listed) {
        var only = run
        only.machines = [machine]
        let names = Set(SnapshotProperties.bySnapshot(of: only).values.flatMap { $0 })
        // zfs-autobackup names none.
        guard !names.isEmpty else { self = .unknown("nothing says which snapshot it was"); return }
        guard case .success(let all) = listed else { self = .unknown("zfs did not say when"); return }
        let found = all.filter { names.contains($0.name) }
        // One that was announced may have another name by now, or be taken yet.
        guard found.count == names.count else { self = .unknown("a snapshot that was announced is not there"); return }
        // ZFS tells whole seconds: of one taken in the second in which the release began nobody can tell.
        let orders = Set(
            found.map { snapshot in
                snapshot.creation.map { $0 < early.began ? -1 : $0 > early.began ? 1 : 0 } ?? 0
            })
        switch orders {
        case [-1]: self = .earlier
        case [1]: self = .later
        default: self = .unknown("it was taken at about the same time")
        }
    }
}

extension ListedSnapshot {
    /// In seconds since 1970; nil where zfs did not say.
    package var creation: Int64? { properties["creation"].flatMap { Int64($0) } }
}

extension RAMDump {
    /// The file as it is; nil where there is none.
    init?(at path: String) {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        self.init(path: path, bytes: UInt64(status.st_size))
    }
}
