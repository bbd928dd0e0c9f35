internal import Glibc

/// The processes of a session that live, but for the one that made it.
struct SessionProcesses: Sendable {
    /// What became of those that were left when a program ended.
    enum Remains {
        /// There were none.
        case none
        /// They were killed.
        case killed
        /// They could not be.
        case alive
    }

    /// How long they may take to end where nobody ends them: the last program of a pipeline, say.
    static let time = Duration.milliseconds(200)
    private static let pause: UInt32 = 50_000

    private let session: pid_t
    private let proc: String

    init(of session: pid_t, proc: String = "/proc") {
        self.session = session
        self.proc = proc
    }

    /// Those that live now.
    var living: [(id: pid_t, status: ProcessStatus)] {
        FileAccess.names(in: proc).compactMap { pid_t($0) }.compactMap { id in
            guard id != session, let status = ProcessStatus(of: id, proc: proc), status.session == session,
                status.isAlive
            else { return nil }
            return (id, status)
        }
    }

    /// Kills those that are there after some time. The number of the session must not become another one's meanwhile.
    func end(after time: Duration) -> Remains {
        let end = ContinuousClock.now + time
        var isKilled = false
        for _ in 0..<30 {
            let left = living
            if left.isEmpty { return isKilled ? .killed : .none }
            if .now >= end {
                isKilled = true
                for process in left { process.status.send(SIGKILL, to: process.id, proc: proc) }
            }
            usleep(Self.pause)
        }
        return .alive
    }
}

extension ProcessStatus {
    /// It has not ended.
    var isAlive: Bool { state != "Z" && state != "X" }

    /// Sends a signal, unless the number is another process's by now.
    func send(_ signal: Int32, to id: pid_t, proc: String = "/proc") {
        guard let handle = ProcessHandle(id), ProcessStatus(of: id, proc: proc)?.began == began else { return }
        handle.send(signal)
    }
}
