import Glibc
internal import Support

extension ZFSCommand {
    /// How a call ended.
    struct Outcome: Sendable {
        let command: [String]
        /// nil where a signal ended it.
        let exitStatus: Int32?
        let output: String
        let errorLines: [String]
    }

    /// Calls zfs and waits for its end, no longer than the time-out and a second, also where it cannot be killed: in a
    /// suspended pool it may hang in the kernel.
    func run(_ arguments: [String]) async throws(ZFSError) -> Outcome {
        let path = try locateExecutable()
        let command = [executable] + arguments
        do throws(ChildProcess.Failure) {
            let outcome = try await ChildProcess.run(
                path, arguments, environment: environment.merging(["LC_ALL": "C"]) { $1 }, within: timeout,
                outputLimit: Self.longestOutput)
            return Outcome(
                command: command, exitStatus: outcome.exitStatus,
                output: String(decoding: outcome.output, as: UTF8.self),
                errorLines: String(decoding: outcome.error, as: UTF8.self).split(separator: "\n").map(String.init))
        } catch {
            throw Self.error(error, path, command, timeout)
        }
    }

    private static let longestOutput = 256 << 20

    private static func error(
        _ failure: ChildProcess.Failure, _ path: String, _ command: [String], _ timeout: Duration
    ) -> ZFSError {
        switch failure {
        case .notStarted(let number):
            return ZFSError(.notFound, "zfs could not be run; check \(path)", command: command, cause: number)
        case .timedOut(let isGone):
            return ZFSError(
                .timedOut,
                "zfs did not end within \(timeout.text) and was killed\(isGone ? "" : ", but hangs on in the kernel"); "
                    + "check zpool status for a pool that hangs", command: command)
        case .cancelled:
            return ZFSError(.cancelled, "zfs was ended because its caller was", command: command)
        case .tooMuchOutput:
            return ZFSError(
                .failed, "zfs wrote more than \(longestOutput >> 20) MiB and was killed; are there so many snapshots?",
                command: command)
        }
    }

    /// sanoid.service and cron have a bare PATH, without the folders where zfs is kept.
    private func locateExecutable() throws(ZFSError) -> String {
        if executable.utf8.contains(UInt8(ascii: "/")) { return executable }
        let others = ["/usr/sbin", "/sbin", "/usr/local/sbin"]
        if let path = programPath(executable, environment: environment, others: others) { return path }
        throw ZFSError(
            .notFound, "there is no program \(printable(executable)) in PATH or /usr/sbin; install ZFS's user tools")
    }
}
