internal import Glibc
internal import Hypervisor
internal import Storage

/// What a guard waits for, looked at once a second by a thread that sleeps in between.
struct GuardWatch: Sendable {
    enum Event: Sendable, Equatable {
        /// The run is over: post-snapshot, or recovery, has ended it.
        case over
        /// Guests may freeze, or have frozen, after pre-snapshot had stopped waiting for them.
        case thawOwed
        /// The VMs must be let go, for this reason.
        case release(String)
        /// The same, and nobody will come and ask for the run any more.
        case end(String)
    }

    let run: String
    let directory: StateDirectory
    let overlayDirectory: String
    let manager: ManagerProcess?
    let proc: String
    let deadline: ContinuousClock.Instant
    let maxHold: Duration

    /// Blocks until something happens. SIGTERM must be blocked in all threads.
    func next() -> Event {
        while true {
            if let event = look(isAskedToEnd: sleepASecond()) { return event }
        }
    }

    /// Whether SIGTERM came meanwhile: systemd ends a service's left-overs that way.
    private func sleepASecond() -> Bool {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGTERM)
        var second = timespec(tv_sec: 1, tv_nsec: 0)
        return sigtimedwait(&signals, nil, &second) == SIGTERM
    }

    func look(isAskedToEnd: Bool) -> Event? {
        guard directory.isOpen(run) else { return .over }
        // While pre-snapshot or post-snapshot is at work, the run is theirs.
        guard let lock = try? directory.lock(run: run, waiting: false) else { return nil }
        defer { withExtendedLifetime(lock) {} }
        guard let now = try? directory.read(run) else { return nil }
        if now.phase == .freezing { return .end("pre-snapshot died") }
        if now.phase != .frozen, now.earlyRelease == nil { return .end("post-snapshot did not end it") }
        if now.machines.contains(where: \.owesOnlyThaw) { return .thawOwed }
        let reason = reasonToEnd(isAskedToEnd: isAskedToEnd)
        // With nothing to let go the run is ended, or this process would stay for ever where post never comes.
        guard now.machines.contains(where: { $0.hold != nil }) else {
            return (reason ?? managerIsGone).map { .end($0) }
        }
        if let reason { return .release(reason) }
        if isRoomShort { return .release("less than a tenth of \(overlayDirectory) was free") }
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

    private var isRoomShort: Bool {
        guard let (available, total) = try? FreeSpace.available(at: overlayDirectory) else { return false }
        return available < total / 10
    }
}
