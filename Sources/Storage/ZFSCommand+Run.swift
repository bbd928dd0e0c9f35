import Glibc
import Subprocess
import SystemPackage

extension ZFSCommand {
    /// How a call ended.
    struct Outcome: Sendable {
        let command: [String]
        /// nil where a signal ended it.
        let exitStatus: Int32?
        let output: String
        let errorLines: [String]
    }

    /// Calls zfs and waits for its end, no longer than the time-out.
    func run(_ arguments: [String]) async throws(ZFSError) -> Outcome {
        let path = try locateExecutable()
        let command = [executable] + arguments
        let result = await withTaskGroup(of: Result<Outcome, ZFSError>?.self) { group in
            group.addTask { await start(path, arguments, command) }
            group.addTask {
                try? await Task.sleep(for: timeout)
                return nil
            }
            let first = await group.next() ?? nil
            // Cancelling is what kills a child that is late: its teardown sequence runs before the task ends.
            group.cancelAll()
            await group.waitForAll()
            return first
        }
        if let result { return try result.get() }
        if Task.isCancelled { throw ZFSError(.cancelled, "zfs was ended because its caller was", command: command) }
        throw ZFSError(
            .timedOut, "zfs did not end within \(timeout) and was killed; look at zpool status for a pool that hangs",
            command: command)
    }

    private func start(_ path: String, _ arguments: [String], _ command: [String]) async -> Result<Outcome, ZFSError> {
        var options = PlatformOptions()
        // A session of its own, so that what zfs itself started (a sudo wrapper's child) is killed with it.
        options.createSession = true
        options.teardownSequence = [
            .send(signal: .terminate, toProcessGroup: true, allowedDurationToNextStep: .seconds(2))
        ]
        var variables: [Environment.Key: String] = [:]
        for (name, value) in environment {
            if let key = Environment.Key(rawValue: name) { variables[key] = value }
        }
        if let key = Environment.Key(rawValue: "LC_ALL") { variables[key] = "C" }
        do {
            let result = try await Subprocess.run(
                .path(FilePath(path)), arguments: Arguments(arguments), environment: .custom(variables),
                platformOptions: options, output: .string(limit: 256 << 20), error: .bytes(limit: 1 << 20))
            let text = String(decoding: result.standardError, as: UTF8.self)
            let lines = text.split(separator: "\n").map(String.init)
            var status: Int32?
            if case .exited(let code) = result.terminationStatus { status = code }
            return .success(
                Outcome(command: command, exitStatus: status, output: result.standardOutput, errorLines: lines))
        } catch {
            return .failure(ZFSError(.notFound, "zfs could not be run; check \(path)", command: command, cause: error))
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
