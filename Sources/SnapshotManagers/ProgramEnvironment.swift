internal import Glibc
internal import Support

/// The environment variables with which a program of ours works, and with which it starts others.
///
/// Who calls a program may not decide by a variable where a library writes (`LIBVIRT_LOG_OUTPUTS`, `SSLKEYLOGFILE`),
/// what it loads (`LD_*`, `GCONV_PATH`), or which program is run (`PATH`). What the dynamic loader itself reads, it has
/// read before any program's first line: who can set that for root runs what he likes anyway.
public enum ProgramEnvironment {
    /// Kept as they are: what systemd says of a service, and what a terminal is and shows.
    private static let names: Set<String> = [
        "STILLPOINT_CONFIG", "JOURNAL_STREAM", "CREDENTIALS_DIRECTORY", "INVOCATION_ID", "TERM", "COLUMNS",
        "NO_COLOR",
    ]
    /// Kept with whatever follows: what the snapshot managers say.
    private static let beginnings = ["SANOID_", "ZREPL_", "ZNAP_"]
    /// The C library opens files of these names; one that names a place could be a FIFO, or anything.
    private static let locales = ["LANG", "LANGUAGE", "TZ", "LC_"]
    /// Kept where nobody but root and the caller writes there: libvirt finds the certificates of `qemu+tls` and the
    /// socket of `qemu:///session` by them.
    private static let folders: Set<String> = ["HOME", "XDG_RUNTIME_DIR"]
    /// For the tests: where the process is killed. Nothing reads it in a release build.
    private static let ofTests: Set<String> = {
        #if DEBUG
            ["STILLPOINT_KILL_AT"]
        #else
            []
        #endif
    }()

    /// Leaves this process only the variables that it keeps; for the first line of a program, before a library is loaded
    /// or a thread started.
    /// - Returns: what is left.
    @discardableResult
    public static func adopt() -> [String: String] {
        let kept = kept(of: processEnvironment())
        clearenv()
        for (name, value) in kept { setenv(name, value, 1) }
        return kept
    }

    /// Those of the variables that a program keeps; PATH is always among them.
    public static func kept(of variables: [String: String]) -> [String: String] {
        var kept = variables.filter { keeps($0.key, $0.value) }
        kept["PATH"] = ProgramFolders.path(variables["PATH"] ?? "")
        return kept
    }

    private static func keeps(_ name: String, _ value: String) -> Bool {
        if names.contains(name) || ofTests.contains(name) { return true }
        if beginnings.contains(where: { name.hasPrefix($0) }) { return true }
        if name == "SSH_AUTH_SOCK" { return value.hasPrefix("/") }
        if folders.contains(name) { return ProgramFolders.isSafe(value) }
        guard locales.contains(where: { $0.hasSuffix("_") ? name.hasPrefix($0) : name == $0 }) else { return false }
        return isLocale(value)
    }

    /// `Europe/Berlin`, `de_DE.UTF-8@euro`, `CET-1CEST,M3.5.0,M10.5.0/3`, `<+03>-3`.
    private static func isLocale(_ value: String) -> Bool {
        let others = Set("_+-,.:/@<>=".utf8)
        return !value.hasPrefix("/") && !value.hasPrefix(":") && !value.has("..")
            && value.utf8.allSatisfy { $0.isLetterOrDigit || others.contains($0) }
    }
}
