internal import Glibc
internal import SystemPackage

/// Starts processes that nobody waits for: in a session of their own, with nothing open that a caller waits for.
enum Detached {
    /// - Parameters:
    ///   - arguments: the first one is the program's name for itself.
    ///   - descriptor: stays open in the process.
    ///   - waiting: waits for its end all the same; for programs that only hand a request on.
    /// - Returns: its exit status when it was waited for, 127 when it was not there.
    @discardableResult
    static func start(
        _ program: String, _ arguments: [String], _ environment: [String: String], waiting: Bool = false,
        keeping descriptor: Int32? = nil
    ) throws -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for descriptor: Int32 in 0...2 {
            posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0)
        }
        // Onto the same number: that keeps it open (posix_spawn_file_actions_adddup2(3)).
        if let descriptor { posix_spawn_file_actions_adddup2(&actions, descriptor, descriptor) }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // POSIX_SPAWN_SETSID (glibc's spawn.h), which is not imported.
        posix_spawnattr_setflags(&attributes, 0x80)

        let variables = environment.map { strdup("\($0.key)=\($0.value)") }
        let words = arguments.map { strdup($0) }
        defer { for text in variables + words { free(text) } }
        var process = pid_t()
        let status = posix_spawnp(&process, program, &actions, &attributes, words + [nil], variables + [nil])
        if status == ENOENT { return 127 }
        guard status == 0 else { throw Errno(rawValue: status) }
        guard waiting else { return 0 }
        var result: Int32 = 0
        while waitpid(process, &result, 0) < 0 {
            guard errno == EINTR else { throw Errno(rawValue: errno) }
        }
        return result
    }
}
