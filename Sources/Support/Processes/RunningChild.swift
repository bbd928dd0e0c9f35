internal import CLinux
internal import Glibc
internal import Synchronization
internal import SystemPackage

/// A child process between its start and its end, seen by two threads: one that starts it and waits for it, which may
/// hang, and one that reads from it and keeps to the time, which may not.
final class RunningChild: Sendable {
    /// How a program is started.
    enum Start: Sendable {
        case plain
        /// With these bytes as its standard input.
        case reading([UInt8])
        case confined(Confinement)
        /// What is left in its session when it ends is ended too.
        case suspended(SuspendedStart)
    }

    private enum State {
        case starting
        case running(pid_t)
        case ended(Result<Int32?, Errno>, SessionProcesses.Remains)
    }

    /// Standard error beyond this is read and thrown away.
    private static let errorLimit = 1 << 20

    private let state = Mutex((process: State.starting, isGivenUp: false, isCancelled: false))
    private let end: ContinuousClock.Instant
    private let outputLimit: Int?
    private let output: Pipe
    private let error: Pipe
    /// One byte for every change of the state.
    private let changes: Pipe

    init(end: ContinuousClock.Instant, outputLimit: Int?) throws(Errno) {
        self.end = end
        self.outputLimit = outputLimit
        output = try Pipe()
        error = try Pipe()
        changes = try Pipe()
    }

    func cancel() {
        state.withLock { $0.isCancelled = true }
        changes.signal()
    }

    /// Starts it, and returns when it has ended or is left behind.
    func watch(
        _ command: [String], _ environment: [String: String], _ how: Start
    ) -> Result<ChildProcess.Outcome, ChildProcess.Failure> {
        guard hasStartedThread({ self.startAndWait(command, environment, how) }) else {
            return .failure(.notStarted(.resourceTemporarilyUnavailable))
        }
        var (text, complaints): ([UInt8], [UInt8]) = ([], [])
        var failure: (ChildProcess.Failure, kill: ContinuousClock.Instant)?
        while true {
            text += output.read()
            complaints = Array((complaints + error.read()).prefix(Self.errorLimit))
            if outputLimit == nil { text = [] }
            let (process, isCancelled) = state.withLock { ($0.process, $0.isCancelled) }
            if case .ended(let result, let remains) = process {
                if let failure { return .failure(remains == .alive ? failure.0 : failure.0.whenGone) }
                guard remains != .alive else { return .failure(.timedOut(isGone: false)) }
                // All that it wrote itself is in the pipes by now; what holds them open otherwise is not waited for.
                text += output.read()
                complaints = Array((complaints + error.read()).prefix(Self.errorLimit))
                guard text.count <= outputLimit ?? .max else { return .failure(.tooMuchOutput(isGone: true)) }
                return result.mapError { .notStarted($0) }.map {
                    ChildProcess.Outcome(
                        exitStatus: $0, output: outputLimit == nil ? [] : text, error: complaints,
                        leftProcesses: remains == .killed)
                }
            }
            let now = ContinuousClock.now
            if failure == nil {
                if text.count > outputLimit ?? .max { failure = (.tooMuchOutput(isGone: false), now) }
                if now >= end { failure = (.timedOut(isGone: false), now + ChildProcess.grace) }
                if isCancelled { failure = (.cancelled(isGone: false), now + ChildProcess.grace) }
                if failure != nil { giveUp(SIGTERM) }
            } else if let (reason, kill) = failure, now >= kill {
                giveUp(SIGKILL)
                // It is gone in a moment, or not at all.
                if now >= kill + ChildProcess.grace * 0.8 { return .failure(reason) }
            }
            let next = failure.map { now < $0.kill ? $0.kill : $0.kill + ChildProcess.grace * 0.8 } ?? end
            Pipe.wait([changes, output, error], until: next)
            _ = changes.read()
        }
    }

    /// Also for one that is still being started: it is ended then as soon as it is there.
    private func giveUp(_ signal: Int32) {
        state.withLock { state in
            state.isGivenUp = true
            // While it is not waited for, its number is nobody else's.
            if case .running(let process) = state.process { kill(-process, signal) }
        }
    }

    private func start(
        _ command: [String], _ environment: [String: String], _ how: Start
    ) throws(Errno) -> pid_t {
        let (output, error) = (output.writeEnd, error.writeEnd)
        switch how {
        case .plain: return try ProcessStart.start(command[0], command, environment, output: output, error: error)
        case .reading(let bytes):
            let input = bytes.withUnsafeBytes { stillpoint_memory_file($0.baseAddress, $0.count) }
            guard input >= 0 else { throw Errno(rawValue: errno) }
            defer { close(input) }
            return try ProcessStart.start(
                command[0], command, environment, input: input, output: output, error: error)
        case .confined(let confinement):
            return try confinement.start(command[0], command, environment, output: output, error: error)
        case .suspended(let start):
            return try start.start(command[0], command, environment, output: output, error: error)
        }
    }

    private func startAndWait(_ command: [String], _ environment: [String: String], _ how: Start) {
        defer { changes.signal() }
        let process: pid_t
        do throws(Errno) {
            process = try start(command, environment, how)
        } catch {
            return state.withLock { $0.process = .ended(.failure(error), .none) }
        }
        state.withLock { state in
            state.process = .running(process)
            if state.isGivenUp { kill(-process, SIGKILL) }
        }
        changes.signal()
        var information = siginfo_t()
        while waitid(P_PID, id_t(process), &information, WEXITED | WNOWAIT) != 0 && errno == EINTR {}
        // As long as it is not waited for, its session's number is nobody else's.
        var remains = SessionProcesses.Remains.none
        if case .suspended = how {
            let isGivenUp = state.withLock { $0.isGivenUp }
            remains = SessionProcesses(of: process).end(after: isGivenUp ? .zero : SessionProcesses.time)
        }
        state.withLock { state in
            var status: Int32 = 0
            let isReaped = waitpid(process, &status, 0) == process
            // WIFEXITED and WEXITSTATUS, which are macros.
            let exitStatus = isReaped && status & 0x7F == 0 ? (status >> 8) & 0xFF : nil
            if case .suspended(let start) = how, exitStatus == 127, let problem = start.problem {
                state.process = .ended(.failure(problem), remains)
            } else {
                state.process = .ended(.success(exitStatus), remains)
            }
        }
    }
}

extension ChildProcess.Failure {
    fileprivate var whenGone: Self {
        switch self {
        case .timedOut: .timedOut(isGone: true)
        case .cancelled: .cancelled(isGone: true)
        case .tooMuchOutput: .tooMuchOutput(isGone: true)
        case .notStarted: self
        }
    }
}
