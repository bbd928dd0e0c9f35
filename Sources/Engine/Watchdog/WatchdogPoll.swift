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
        /// The VMs whose guests may be frozen, or may come to freeze.
        var pendingThaws: [VMRecord] = []
        /// Another process works on the run, and thaws them unless it hangs.
        var isOwned = false
        /// That process is stopped.
        var isOwnerStopped = false
    }

    let run: RunID
    let directory: StateDirectory
    let overlayDirectory: String
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

    /// Blocks for a second; whether SIGTERM came meanwhile: systemd ends a service's left-overs that way. It must be
    /// blocked in all threads.
    static func sleepASecond() -> Bool {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGTERM)
        var second = timespec(tv_sec: 1, tv_nsec: 0)
        return sigtimedwait(&signals, nil, &second) == SIGTERM
    }

    /// - Parameters:
    ///   - isAskedToEnd: whether SIGTERM has come, now or before.
    ///   - tried: the VMs that were released for their room already, or could not be.
    func look(isAskedToEnd: Bool, tried: Set<VMKey> = []) -> Duties {
        guard directory.isOpen(run) else { return Duties(event: .over) }
        // While pre-snapshot or post-snapshot is at work, the run is theirs.
        guard let lock = try? directory.lock(run: run, waiting: false) else {
            let pending = (try? directory.read(run))?.pendingThaws ?? []
            let owner = RunOwner(run: run, directory: directory, proc: proc)
            return Duties(pendingThaws: pending, isOwned: true, isOwnerStopped: !pending.isEmpty && owner.isStopped)
        }
        return lock.withLock {
            guard let now = try? directory.read(run) else { return Duties() }
            return Duties(event: event(of: now, isAskedToEnd, tried), pendingThaws: now.pendingThaws)
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

    /// A server's snapshots grow on its own storage.
    private func needsSpace(_ run: Run) -> Bool {
        run.machines.contains { !overlays(of: $0).isEmpty }
    }

    private func overlays(of machine: VMRecord) -> [String] {
        machine.freezeState?.disks.map(\.overlay).filter { $0.hasPrefix(overlayDirectory + "/") } ?? []
    }

    /// What lacks to a tenth, in bytes; nil where nothing does.
    private var missingSpace: UInt64? {
        guard let (available, total) = freeSpace(overlayDirectory), available < total / 10 else { return nil }
        return total / 10 - available
    }

    /// Whether there is so little room that there is no time to see whether a release helps.
    var isSpaceGone: Bool {
        guard let (available, total) = freeSpace(overlayDirectory) else { return false }
        return available < total / 20
    }

    /// The VMs with the largest overlays, as few as give that much room; those that were not tried yet where there are.
    private func largest(of run: Run, freeing bytes: UInt64, _ tried: Set<VMKey>) -> Set<VMKey> {
        let held = run.machines.filter { !overlays(of: $0).isEmpty }
        let untried = held.filter { !tried.contains($0.key) }
        let sizes = (untried.isEmpty ? held : untried).map { machine in
            (machine.key, overlays(of: machine).reduce(UInt64(0)) { $0 &+ fileSize($1) })
        }
        var chosen: Set<VMKey> = []
        var freed: UInt64 = 0
        for (key, size) in sizes.sorted(by: { $0.1 > $1.1 }) where freed < bytes || chosen.isEmpty {
            chosen.insert(key)
            freed = freed.addingReportingOverflow(size).overflow ? .max : freed + size
        }
        return chosen
    }
}

extension Run {
    fileprivate var pendingThaws: [VMRecord] { machines.filter { $0.freezeState?.isThawPending == true } }
}
