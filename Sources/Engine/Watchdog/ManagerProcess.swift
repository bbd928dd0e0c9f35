internal import Glibc
package import SnapshotManagers
internal import Support

/// The running snapshot manager that called a hook.
///
/// When it is gone, post-snapshot will not come. Who calls a hook by hand is no such process, unless that is zfs-autobackup: a
/// shell that has done its part may end while its administrator continues.
package struct ManagerProcess: Sendable, Equatable {
    let id: pid_t
    /// In clock ticks since the host was started (``ProcessStatus``).
    let began: Int64

    /// Searches upwards from this process for one that is called as the manager is.
    package static func find(_ manager: SnapshotManager, proc: String) -> ManagerProcess? {
        if manager == .stillpoint {
            return living(getpid(), proc).map { ManagerProcess(id: getpid(), began: $0.began) }
        }
        guard let names = names[manager] else { return nil }
        var id = getppid()
        // A wrapper or two may stand between.
        for _ in 0..<8 {
            guard id > 1, let status = living(id, proc) else { return nil }
            if names.contains(status.name) { return ManagerProcess(id: id, began: status.began) }
            id = status.parent
        }
        return nil
    }

    /// For how long the manager has been waiting for this hook: since it forked for it, which is when it set its alarm
    /// (sanoid's `runscript`, zrepl's `exec.CommandContext`) and before any shell or wrapper between began. Nil where that
    /// cannot be seen.
    /// - Parameter limit: the manager is gone when it has passed.
    package static func waiting(_ manager: SnapshotManager, limit: Duration, proc: String) -> Duration? {
        guard let own = living(getpid(), proc) else { return nil }
        var (began, id, isThere) = (own.began, own.parent, false)
        // A process between two whose parent is gone is not the manager's any more.
        var candidate = own.began
        for _ in 0..<8 {
            guard !isThere, id > 1, let next = living(id, proc) else { break }
            isThere = names[manager]?.contains(next.name) ?? false
            if isThere { began = candidate }
            (candidate, id) = (next.began, next.parent)
        }
        guard let age = ProcessStatus.age(began: began) else { return nil }
        // It lives on, or this process was something else before it became a hook (exec).
        return age >= limit && (isThere || own.parent != 1) ? nil : age
    }

    /// As the kernel shows them, 15 characters at most; then as nixpkgs' wrapProgram has it, which moves a script aside.
    private static let names: [SnapshotManager: [String]] = [
        .sanoid: ["sanoid", ".sanoid-wrapped"], .zfsAutoSnapshot: ["zfs-auto-snapsh", ".zfs-auto-snaps"],
        .znapzend: ["znapzend", ".znapzend-wrapp"], .zrepl: ["zrepl", ".zrepl-wrapped"],
        .byHand: ["zfs-autobackup", ".zfs-autobackup"],
    ]

    /// Whether it still runs.
    func isAlive(proc: String) -> Bool { Self.living(id, proc)?.began == began }

    static func living(_ id: pid_t, _ proc: String) -> ProcessStatus? {
        ProcessStatus(of: id, proc: proc).flatMap { $0.state == "Z" ? nil : $0 }
    }
}

extension ManagerProcess {
    /// As it is handed to the watchdog: `123:456789`.
    init?(text: String) {
        let parts = text.split(separator: ":")
        guard parts.count == 2, let id = pid_t(parts[0]), let began = Int64(parts[1]) else { return nil }
        self.init(id: id, began: began)
    }

    var text: String { "\(id):\(began)" }
}
