internal import Support
internal import SystemPackage

/// Starts processes that nobody waits for: in a session of their own, with nothing open that a caller waits for, and no
/// signal blocked, though their starter, the watchdog, blocks SIGTERM.
enum DetachedProcess {
    /// - Parameters:
    ///   - arguments: the first one is the program's name for itself.
    ///   - descriptor: stays open in the process.
    /// - Throws: Errno.
    static func start(
        _ program: String, _ arguments: [String], _ environment: [String: String], keeping descriptor: Int32? = nil
    ) throws(Errno) {
        _ = try ProcessStart.start(program, arguments, environment, keeping: descriptor)
    }
}
