import Glibc

/// Where a program is: in PATH, else in `others`; nil where it is in none of them.
///
/// Looked for here, since to start a child process for each folder that does not have it costs more than many a
/// program's own work.
public func programPath(
    _ name: String, environment: [String: String] = processEnvironment(),
    others: [String] = ["/usr/bin", "/bin", "/usr/sbin"]
) -> String? {
    let listed = environment["PATH"]?.split(separator: ":").map(String.init) ?? []
    return (listed + others).map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 && !FileAccess.isFolder($0) }
}
