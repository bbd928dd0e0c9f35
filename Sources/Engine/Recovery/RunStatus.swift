internal import RunState
internal import Support

/// Who owns an open run.
package enum RunStatus: String, Sendable, Codable {
    /// A living process is at work on it.
    case owned
    /// Its watchdog waits for post-snapshot.
    case watched
    /// Its watchdog is about to end it, or tries again after a failure: nobody else will.
    case ending
    /// Without a watchdog, but young: post-snapshot may come.
    case awaited
    /// Nobody.
    case abandoned
}

extension RunStatus {
    /// As the run's locks, its phase and its age tell.
    /// - Throws: StateError.
    init(of run: Run, in directory: StateDirectory, maxHold: Duration) throws {
        guard let lock = try directory.lock(run: run.id, waiting: false) else {
            self = .owned
            return
        }
        self = try lock.withLock {
            if directory.hadWatchdog(run.id) {
                if try directory.lock(watchdogOf: run.id) != nil { return .abandoned }
                return run.phase == .frozen && run.earlyRelease == nil ? .watched : .ending
            }
            // Its pre-snapshot or its post-snapshot has died, or this is what a restore left.
            if run.phase != .frozen { return .abandoned }
            return run.isAsOld(as: maxHold) ? .abandoned : .awaited
        }
    }
}
