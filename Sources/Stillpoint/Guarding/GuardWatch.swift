internal import Glibc
internal import Hypervisor
internal import Storage

/// What a guard waits for, looked at once a second.
struct GuardWatch: Sendable {
    enum Event: Sendable, Equatable {
        /// The run is over: post-snapshot, or recovery, has ended it.
        case over
        /// The VMs must be let go, for this reason.
        case release(String)
        /// The same, and nobody will come and ask for the run any more.
        case end(String)
    }

    /// What there is to do now: guests are thawed whatever else there is.
    struct Duties: Sendable, Equatable {
        var event: Event?
        /// The VMs whose guests may be frozen, or may come to freeze.
        var pendingThaws: [MachineRecord] = []
        /// Another process works on the run, and thaws them unless it hangs.
        var isOwned = false
    }

    let run: RunID
    let directory: StateDirectory
    let overlayDirectory: String
    let manager: ManagerProcess?
    let proc: String
    let deadline: ContinuousClock.Instant
    let maxHold: Duration
    /// What is free at a path, and how large its file system is, in bytes.
    var freeSpace: @Sendable (String) -> (UInt64, UInt64)? = { try? FreeSpace.available(at: $0) }

    /// Blocks for a second; whether SIGTERM came meanwhile: systemd ends a service's left-overs that way. It must be
    /// blocked in all threads.
    static func sleepASecond() -> Bool {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGTERM)
        var second = timespec(tv_sec: 1, tv_nsec: 0)
        return sigtimedwait(&signals, nil, &second) == SIGTERM
    }

    /// - Parameter isAskedToEnd: whether SIGTERM has come, now or before.
    func look(isAskedToEnd: Bool) -> Duties {
        guard directory.isOpen(run) else { return Duties(event: .over) }
        // While pre-snapshot or post-snapshot is at work, the run is theirs.
        guard let lock = try? directory.lock(run: run, waiting: false) else {
            return Duties(pendingThaws: (try? directory.read(run))?.pendingThaws ?? [], isOwned: true)
        }
        defer { withExtendedLifetime(lock) {} }
        guard let now = try? directory.read(run) else { return Duties() }
        return Duties(event: event(of: now, isAskedToEnd: isAskedToEnd), pendingThaws: now.pendingThaws)
    }

    private func event(of now: Run, isAskedToEnd: Bool) -> Event? {
        if now.phase == .freezing { return .end("pre-snapshot died") }
        if now.phase != .frozen, now.earlyRelease == nil { return .end("post-snapshot did not end it") }
        let reason = reasonToEnd(isAskedToEnd: isAskedToEnd)
        // With nothing to let go the run is ended, or this process would stay for ever where post never comes.
        guard now.machines.contains(where: { $0.hold != nil }) else {
            return (reason ?? managerIsGone).map { .end($0) }
        }
        if let reason { return .release(reason) }
        if needsRoom(now), isRoomShort { return .release("less than a tenth of \(overlayDirectory) was free") }
        if let managerIsGone { return .end(managerIsGone) }
        return nil
    }

    private func reasonToEnd(isAskedToEnd: Bool) -> String? {
        if isAskedToEnd { return "the guard was asked to end" }
        return deadline <= .now ? "post-snapshot did not come within \(maxHold.inSeconds)" : nil
    }

    private var managerIsGone: String? {
        guard let manager, !manager.isAlive(proc: proc) else { return nil }
        return "the snapshot manager was gone"
    }

    /// A server's snapshots grow on its own storage.
    private func needsRoom(_ run: Run) -> Bool {
        run.machines.contains { $0.hold?.disks.contains { $0.overlay.hasPrefix(overlayDirectory + "/") } == true }
    }

    private var isRoomShort: Bool {
        guard let (available, total) = freeSpace(overlayDirectory) else { return false }
        return available < total / 10
    }
}

extension Run {
    fileprivate var pendingThaws: [MachineRecord] { machines.filter { $0.hold?.owesThaw == true } }
}
