import Glibc

/// Where a program is, looked for in PATH once: a child process for each folder that does not have it costs more than
/// the program's own work. Its bare name where it is nowhere, so that starting it says so.
public func programPath(_ name: String, environment: [String: String] = processEnvironment()) -> String {
    let folders = environment["PATH"]?.split(separator: ":").map(String.init) ?? []
    for folder in folders + ["/usr/bin", "/bin", "/usr/sbin"] {
        let path = "\(folder)/\(name)"
        if access(path, X_OK) == 0 && !FileAccess.isFolder(path) { return path }
    }
    return name
}
