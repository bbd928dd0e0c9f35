internal import Glibc
internal import RunState
internal import Support

/// A run that another process ends: its watchdog, or a post-snapshot.
struct ElsewhereCompletion: Sendable {
    enum Outcome: Sendable, Equatable {
        /// The run is closed.
        case over
        /// It is open, and nobody is at work on it: what was tried has failed.
        case left
        /// The process is at work still.
        case late
    }

    let run: RunID
    let directory: StateDirectory
    let proc: String

    /// Who ends it, in words.
    var owner: String {
        guard let process = RunOwner(run: run, directory: directory, proc: proc).process else { return "its watchdog" }
        let text = (try? FileAccess.read("\(proc)/\(process)/cmdline", limit: 4096)) ?? []
        let isWatchdog = String(decoding: text, as: UTF8.self).hasPrefix(WatchdogCall.name)
        return "\(isWatchdog ? "its watchdog" : "another process") (\(process))"
    }

    /// Waits for the run's end.
    /// - Parameters:
    ///   - beginning: how long nobody may be at work on it before it counts as left.
    ///   - limit: for all.
    func wait(beginning: Duration, within limit: Duration) async throws -> Outcome {
        let clock = ContinuousClock()
        let end = clock.now + limit
        var idleSince = clock.now
        while directory.isOpen(run) {
            if clock.now >= end { return .late }
            if try directory.lock(run: run, waiting: false) == nil { idleSince = clock.now }
            if idleSince.duration(to: clock.now) >= beginning { return .left }
            try await Task.sleep(for: .milliseconds(100))
        }
        return .over
    }
}
