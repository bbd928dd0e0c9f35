import Glibc

/// Where a program is: in PATH, else in `others`; nil where it is in none of them. Always an absolute path.
///
/// A folder of PATH into which others than root and this process's user can put programs, or one that depends on where
/// the process happens to be, is passed over. Searched for here, since to start a child process for each folder that
/// does not have it costs more than many a program's own work.
public func programPath(
    _ name: String, environment: [String: String] = processEnvironment(),
    others: [String] = ["/usr/bin", "/bin", "/usr/sbin"]
) -> String? {
    // In the system's own folders root is trusted to know what is there.
    let known = Set(ProgramFolders.system + others)
    for folder in (environment["PATH"] ?? "").split(separator: ":").map(String.init) + others {
        let path = "\(folder)/\(name)"
        // The name first: most folders do not have it.
        guard folder.hasPrefix("/"), access(path, X_OK) == 0, !FileAccess.isFolder(path) else { continue }
        if known.contains(folder) || (ProgramFolders.isSafe(folder) && ProgramFolders.isSafeProgram(path)) {
            return path
        }
    }
    return nil
}
