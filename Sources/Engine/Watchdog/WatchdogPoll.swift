internal import DiskLocation
internal import Glibc
internal import Hypervisor
internal import RunState
internal import Support

/// What a watchdog waits for, checked once a second.
struct WatchdogPoll: Sendable {
    enum Event: Sendable, Equatable {
        /// The run has ended, by post-snapshot or by recovery.
        case over
        /// The VMs must be released, for this reason.
        case release(String)
        /// These VMs must be released, for this reason, since their overlays are the largest; the others can stay.
        case releaseForSpace(Set<VMKey>, String)
        /// The same, and nobody will come and ask for the run any more.
        case end(String)
    }

    /// What there is to do now: guests are thawed whatever else there is.
    struct Duties: Sendable, Equatable {
        var event: Event?
        /// The VMs whose guests may be frozen or paused, or may come to be, while nobody has seen that they are.
        var pending: [VMRecord] = []
        /// Those whose guests stand still until post-snapshot comes.
        var standing: [VMRecord] = []
        /// Another process works on the run, and lets them run again unless it hangs.
        var isOwned = false
        /// That process is stopped.
        var isOwnerStopped = false
    }

    let run: RunID
    let directory: StateDirectory
    let overlayDirectory: String
    /// The hypervisors whose overlays are on another host, perhaps in a folder of the same name.
    var elsewhere: Set<String> = []
    let manager: ManagerProcess?
    var proc: String
    let deadline: ContinuousClock.Instant
    let maxHold: Duration
    /// What is free at a path, and how large its file system is, in bytes.
    var freeSpace: @Sendable (String) -> (UInt64, UInt64)? = { try? FreeSpace.available(at: $0) }
    /// How much room a file takes, in bytes.
    var fileSize: @Sendable (String) -> UInt64 = { path in
        var status = stat()
        return lstat(path, &status) == 0 ? UInt64(status.st_blocks) * 512 : 0
    }

    /// Blocks for so long, a second at most; whether SIGTERM came meanwhile: systemd ends a service's left-overs that way.
    /// It must be blocked in all threads.
    static func sleep(for time: Duration) -> Bool {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGTERM)
        let milliseconds = max(10, min(1000, time.milliseconds))
        var length = timespec(tv_sec: Int(milliseconds / 1000), tv_nsec: Int(milliseconds % 1000) * 1_000_000)
        return sigtimedwait(&signals, nil, &length) == SIGTERM
    }

    /// - Parameters:
    ///   - isAskedToEnd: whether SIGTERM has come, now or before.
    ///   - tried: the VMs that were released for their room already, or could not be.
    func poll(isAskedToEnd: Bool, tried: Set<VMKey> = []) -> Duties {
        guard directory.isOpen(run) else { return Duties(event: .over) }
        // While pre-snapshot or post-snapshot is at work, the run is theirs.
        guard let lock = try? directory.lock(run: run, waiting: false) else {
            let now = try? directory.read(run)
            let pending = now?.pending ?? []
            let owner = RunOwner(run: run, directory: directory, proc: proc)
            return Duties(
                pending: pending, standing: now?.standing ?? [], isOwned: true,
                isOwnerStopped: !pending.isEmpty && owner.isStopped)
        }
        return lock.withLock {
            guard let now = try? directory.read(run) else { return Duties() }
            return Duties(
                event: event(of: now, isAskedToEnd, tried), pending: now.pending, standing: now.standing)
        }
    }

    private func event(of now: Run, _ isAskedToEnd: Bool, _ tried: Set<VMKey>) -> Event? {
        if now.phase == .freezing { return .end("pre-snapshot died") }
        if now.phase != .frozen, now.earlyRelease == nil { return .end("post-snapshot did not end it") }
        let reason = reasonToEnd(isAskedToEnd: isAskedToEnd)
        // With nothing to release the run is ended, or this process would stay for ever where post never comes.
        guard now.machines.contains(where: { $0.freezeState != nil }) else {
            return (reason ?? managerIsGone).map { .end($0) }
        }
        if let reason { return .release(reason) }
        if needsSpace(now), let missing = missingSpace {
            let reason = "less than a tenth of \(overlayDirectory) was free"
            return .releaseForSpace(largest(of: now, freeing: missing, tried), reason)
        }
        if let managerIsGone { return .end(managerIsGone) }
        return nil
    }

    private func reasonToEnd(isAskedToEnd: Bool) -> String? {
        if isAskedToEnd { return "the watchdog was asked to end" }
        return deadline <= .now ? "post-snapshot did not come within \(maxHold.text)" : nil
    }

    private var managerIsGone: String? {
        guard let manager, !manager.isAlive(proc: proc) else { return nil }
        return "the snapshot manager was gone"
    }
}

extension Run {
    fileprivate var pending: [VMRecord] {
        machines.filter { $0.freezeState?.mayStandStill == true && $0.freezeState?.standsStill != true }
    }

    fileprivate var standing: [VMRecord] { machines.filter { $0.freezeState?.standsStill == true } }
}

extension FreezeState {
    /// Its guest is frozen or paused until post-snapshot comes.
    var standsStill: Bool {
        // What a program holds stands still where it has said so, and a release that failed is tried again.
        isProgram ? stoppedAt != nil : step == .held && strategy?.freezesOrPauses == true
    }
}
