internal import Configuration
internal import Glibc
internal import Logging
internal import Support
internal import SystemPackage

/// Starts `stillpoint archive` so that it outlives the hook, and under systemd the manager's service too.
struct ArchiveLauncher {
    /// The hook's own file; the command line lies beside it.
    let executable: String
    let environment: [String: String]
    let log: Logger

    /// There by sd_booted(3)'s rule.
    private static let systemd = "/run/systemd/system"
    /// To hand a request on takes milliseconds; a hook does not wait for a systemd that hangs.
    private static let timeout = Duration.seconds(5)

    /// Starts it and does not wait for it.
    /// - Parameter configuration: what `--config` named; nil: as the environment says.
    func launch(configuration: String?) async {
        guard let program = try? commandLine(), access(program, X_OK) == 0 else {
            log.error("there is no program stillpoint beside \(executable): RAM dumps stay in ram_dir; install it")
            return
        }
        let arguments = Self.arguments(configuration, environment: environment)
        do {
            if access(Self.systemd, F_OK) == 0, try await handToSystemd([program] + arguments) { return }
            try DetachedProcess.start(program, [program] + arguments, environment)
        } catch {
            log.error("the RAM dumps are not moved to cold storage yet (\(error)); run: stillpoint archive")
        }
    }

    /// Names the configuration whenever there is one: a unit of systemd's gets no variable of this process, and works in
    /// another folder.
    /// - Parameter defaultPath: where a configuration is that nobody names.
    static func arguments(
        _ configuration: String?, environment: [String: String], defaultPath: String = Configuration.defaultPath
    ) -> [String] {
        let named = configuration ?? environment["STILLPOINT_CONFIG"]
        guard let path = named ?? (access(defaultPath, F_OK) == 0 ? defaultPath : nil) else { return ["archive"] }
        return ["archive", "--config", absolute(path)]
    }

    private static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/"), let folder = getcwd(nil, 0) else { return path }
        defer { free(folder) }
        return "\(String(cString: folder))/\(path)"
    }

    /// `stillpoint` beside the hook.
    /// - Throws: Errno, where the hook's file cannot be found.
    func commandLine() throws -> String {
        FilePath(try ownPath()).removingLastComponent().appending("stillpoint").string
    }

    /// /proc/self/exe says where this program lies whatever its arguments claim; of one that an upgrade has replaced since,
    /// with an ending (proc(5)).
    private func ownPath() throws -> String {
        if let path = realpath(executable, nil) {
            defer { free(path) }
            return String(cString: path)
        }
        let problem = Errno(rawValue: errno)
        let ending = " (deleted)"
        guard let text = FileAccess.linkText(executable), text.hasSuffix(ending) else { throw problem }
        return String(text.dropLast(ending.count))
    }

    /// systemd ends what a service leaves behind together with it, so the service's hook asks for a unit of its own.
    private func handToSystemd(_ command: [String]) async throws -> Bool {
        guard let program = programPath("systemd-run", environment: environment) else { return false }
        let options = ["--quiet", "--collect", "--no-block", "--description=Stillpoint: RAM dumps"]
        do throws(ChildProcess.Failure) {
            let outcome = try await ChildProcess.run(
                program, options + command, environment: environment, within: Self.timeout)
            return outcome.exitStatus == 0
        } catch {
            if error == .notStarted(.noSuchFileOrDirectory) { return false }
            throw error
        }
    }
}
