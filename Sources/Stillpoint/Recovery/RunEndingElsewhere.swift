internal import Glibc
internal import Storage

/// A run that another process ends: its guard, or a post-snapshot.
struct RunEndingElsewhere: Sendable {
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
        guard let process = owningProcess else { return "its guard" }
        let text = (try? FileAccess.read("\(proc)/\(process)/cmdline", limit: 4096)) ?? []
        let isGuard = String(decoding: text, as: UTF8.self).hasPrefix(GuardCall.name)
        return "\(isGuard ? "its guard" : "another process") (\(process))"
    }

    /// By the kernel's list of locks (proc_locks(5)): `1: FLOCK  ADVISORY  WRITE 4711 08:01:1234 0 EOF`.
    private var owningProcess: Int32? {
        guard let inode = directory.lockFileNumber(run: run),
            let bytes = try? FileAccess.read("\(proc)/locks", limit: 16 << 20)
        else { return nil }
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let fields = line.split(separator: " ")
            // A waiting one has an arrow in the second field.
            guard fields.count >= 6, fields[1] == "FLOCK",
                fields[5].split(separator: ":").last.map({ UInt64($0) }) == inode
            else { continue }
            return Int32(fields[4])
        }
        return nil
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
            let lock = try directory.lock(run: run, waiting: false)
            if lock == nil { idleSince = clock.now }
            withExtendedLifetime(lock) {}
            if idleSince.duration(to: clock.now) >= beginning { return .left }
            try await Task.sleep(for: .milliseconds(100))
        }
        return .over
    }
}
