internal import Configuration
internal import Glibc
internal import Logging
internal import Support
internal import SystemPackage

/// Starts a command of `stillpoint` so that it outlives the hook, and under systemd the manager's service too.
struct BackgroundCommand {
    /// `archive`
    let command: String
    /// What tells it that nobody called it by hand.
    var options: [String] = []
    /// What systemd calls it.
    let title: String
    /// What is said where it cannot be started: `RAM dumps stay in ram_dir`.
    let otherwise: String
    /// The hook's own file; the command line lies beside it.
    let executable: String
    let environment: [String: String]
    let log: Logger
    /// To hand a request on takes milliseconds; a hook does not wait for a systemd that hangs.
    var timeout = Duration.seconds(5)

    /// There by sd_booted(3)'s rule.
    private static let systemd = "/run/systemd/system"

    /// Starts it and does not wait for it.
    /// - Parameter configuration: what `--config` named; nil: as the environment says.
    func launch(configuration: String?) async {
        guard let program = try? commandLine(), access(program, X_OK) == 0 else {
            log.error("there is no program stillpoint beside \(executable): \(otherwise); install it")
            return
        }
        let arguments = Self.arguments(command, configuration, environment: environment) + options
        do {
            if access(Self.systemd, F_OK) == 0, try await handToSystemd([program] + arguments) { return }
            try DetachedProcess.start(program, [program] + arguments, environment)
        } catch {
            log.error("\(otherwise) (\(error)); run: stillpoint \(command)")
        }
    }

    /// Names the configuration whenever there is one: a unit of systemd's gets no variable of this process, and works in
    /// another folder.
    /// - Parameter defaultPath: where a configuration is that nobody names.
    static func arguments(
        _ command: String, _ configuration: String?, environment: [String: String],
        defaultPath: String = Configuration.defaultPath
    ) -> [String] {
        let named = configuration ?? environment["STILLPOINT_CONFIG"]
        guard let path = named ?? (access(defaultPath, F_OK) == 0 ? defaultPath : nil) else { return [command] }
        return [command, "--config", absolute(path)]
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
        let options = ["--quiet", "--collect", "--no-block", "--description=Stillpoint: \(title)"]
        do throws(ChildProcess.Failure) {
            let outcome = try await ChildProcess.run(
                program, options + command, environment: environment, within: timeout)
            return outcome.exitStatus == 0
        } catch {
            if error == .notStarted(.noSuchFileOrDirectory) { return false }
            throw error
        }
    }
}
