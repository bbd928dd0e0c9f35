internal import Glibc
internal import Logging
internal import SystemPackage

/// Starts `stillpoint archive` so that it outlives the hook, and under systemd the manager's service too.
struct ArchiveLauncher {
    /// The hook's own file; the command line lies beside it.
    let executable: String
    let environment: [String: String]
    let log: Logger

    /// There by sd_booted(3)'s rule.
    private static let systemd = "/run/systemd/system"

    /// Starts it and does not wait for it.
    func launch(configuration: String?) {
        guard let program = try? commandLine(), access(program, X_OK) == 0 else {
            log.error("there is no program stillpoint beside \(executable): RAM dumps stay in ram_dir; install it")
            return
        }
        var arguments = [program, "archive"]
        if let configuration { arguments += ["--config", configuration] }
        do {
            if access(Self.systemd, F_OK) == 0, try leaveToSystemd(arguments) { return }
            try Detached.start(program, arguments, environment)
        } catch {
            log.error("the RAM dumps are not moved to cold storage yet (\(error)); run: stillpoint archive")
        }
    }

    private func commandLine() throws -> String {
        // /proc/self/exe says where this program lies whatever its arguments claim.
        guard let path = realpath(executable, nil) else { throw Errno(rawValue: errno) }
        defer { free(path) }
        return FilePath(String(cString: path)).removingLastComponent().appending("stillpoint").string
    }

    /// systemd ends what a service leaves behind together with it, so the service's hook asks for a unit of its own.
    private func leaveToSystemd(_ arguments: [String]) throws -> Bool {
        let command = ["systemd-run", "--quiet", "--collect", "--no-block", "--description=Stillpoint: RAM dumps"]
        return try Detached.start("systemd-run", command + arguments, environment, waiting: true) == 0
    }
}
