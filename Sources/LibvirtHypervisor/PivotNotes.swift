internal import Glibc
internal import Hypervisor
internal import Synchronization

/// Makes it durable that disks of one VM were asked to go back to their bases, while all of them are committed at once.
final class PivotNotes: Sendable {
    private let state: Mutex<Hold>
    private let record: RecordHold

    init(_ hold: Hold, _ record: @escaping RecordHold) {
        state = Mutex(hold)
        self.record = record
    }

    /// The hold with what was noted.
    var hold: Hold { state.withLock { $0 } }

    func isAsked(_ disk: HeldDisk) -> Bool {
        hold.disks.contains { $0.overlay == disk.overlay && $0.isPivotAsked == true }
    }

    /// Before a pivot is asked for, and with false when a commit has begun anew.
    func note(_ disk: HeldDisk, isAsked: Bool) async throws {
        let changed = state.withLock { hold -> Hold? in
            guard let index = hold.disks.firstIndex(where: { $0.overlay == disk.overlay }),
                hold.disks[index].isPivotAsked ?? false != isAsked
            else { return nil }
            hold.disks[index].isPivotAsked = isAsked
            return hold
        }
        if let changed { try await record(changed) }
    }
}

extension HeldDisk {
    /// By how much the base was written later than the overlay; nil for devices, and where one is not there.
    var lead: Duration? {
        guard let base = timeOfWrite(base), let overlay = timeOfWrite(overlay) else { return nil }
        return base - overlay
    }
}

private func timeOfWrite(_ path: String) -> Duration? {
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    return .seconds(status.st_mtim.tv_sec) + .nanoseconds(status.st_mtim.tv_nsec)
}
