internal import Glibc
internal import Synchronization
public import SystemPackage

/// A program that is run to its end, and left behind where it does not come to one in time.
///
/// A process in uninterruptible sleep (a dead disk, a server that is gone) outlives its SIGKILL, and a process that it started
/// may hold its pipes open for ever. Neither is waited for: threads of their own do, and the caller continues.
public enum ChildProcess {
    /// How a program ended.
    public struct Outcome: Sendable {
        /// Nil where a signal ended it.
        public let exitStatus: Int32?
        /// Standard output, whole.
        public let output: [UInt8]
        /// What it said on standard error; its beginning where that was a lot.
        public let error: [UInt8]
        /// Whether something that it had started ran still when it ended, and was killed. Only of a process that was
        /// recorded before.
        public var leftProcesses = false

        /// The first line of standard error; nil where it said nothing.
        public var firstErrorLine: String? {
            error.split(separator: UInt8(ascii: "\n")).first.map { String(decoding: $0, as: UTF8.self) }
        }
    }

    /// Why there is no outcome.
    public enum Failure: Error, Sendable, Equatable {
        /// It could not be started.
        case notStarted(Errno)
        /// It was killed since its time was over.
        /// - Parameter isGone: false where it lives on all the same: what it was at may still happen.
        case timedOut(isGone: Bool)
        /// It was killed since its caller was cancelled.
        case cancelled(isGone: Bool)
        /// It was killed since it wrote more than makes sense.
        case tooMuchOutput(isGone: Bool)
    }

    /// Between SIGTERM and SIGKILL, and after that.
    static let grace = Duration.milliseconds(500)

    /// Runs a program and waits for its end, `limit` and a second at most.
    ///
    /// What is late gets SIGTERM and half a second later SIGKILL, with all that it started.
    /// - Parameters:
    ///   - path: the program, absolute; see `programPath`.
    ///   - arguments: without the program's name.
    ///   - input: what it reads as standard input; nil: nothing.
    ///   - outputLimit: bytes of standard output; nil throws it away.
    ///   - confinement: what it may reach; `path` is absolute then, and there is no input. Nil: all that this process may.
    /// - Throws: ``Failure``.
    public static func run(
        _ path: String, _ arguments: [String], environment: [String: String] = processEnvironment(),
        input: [UInt8]? = nil, within limit: Duration, outputLimit: Int? = nil, confinement: Confinement? = nil
    ) async throws(Failure) -> Outcome {
        let child: RunningChild
        do throws(Errno) {
            child = try RunningChild(end: .now + limit, outputLimit: outputLimit)
        } catch {
            throw .notStarted(error)
        }
        let how = confinement.map { RunningChild.Start.confined($0) } ?? input.map { .reading($0) } ?? .plain
        return try await outcome(of: child, [path] + arguments, environment, how).get()
    }

    static func outcome(
        of child: RunningChild, _ command: [String], _ environment: [String: String], _ how: RunningChild.Start
    ) async -> Result<Outcome, Failure> {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isStarted = hasStartedThread {
                    continuation.resume(returning: child.watch(command, environment, how))
                }
                if !isStarted { continuation.resume(returning: .failure(.notStarted(.resourceTemporarilyUnavailable))) }
            }
        } onCancel: {
            child.cancel()
        }
    }
}
