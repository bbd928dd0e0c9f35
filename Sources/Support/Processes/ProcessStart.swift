internal import Glibc
public import SystemPackage

/// The one place where a process is started.
public enum ProcessStart {
    /// Starts a program in a session of its own, with no signal blocked or ignored, whatever this process does with its
    /// signals, and with nothing open but what is named here; 0, 1 and 2 are `/dev/null` where nothing else is said.
    ///
    /// It may hang, as the program is read from a disk.
    /// - Parameters:
    ///   - program: an absolute path; see `programPath`.
    ///   - arguments: the first one is the program's name for itself.
    ///   - keeping: stays open under its own number; it must be `O_CLOEXEC` here.
    /// - Throws: the system's error number; `ENOENT` where there is no such program.
    public static func start(
        _ program: String, _ arguments: [String], _ environment: [String: String], input: Int32? = nil,
        output: Int32? = nil, error: Int32? = nil, keeping: Int32? = nil
    ) throws(Errno) -> Int32 {
        // Another is found where this process happens to be, and that is its caller's choice.
        guard program.hasPrefix("/") else { throw .noSuchFileOrDirectory }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (number, descriptor) in zip([0, 1, 2] as [Int32], [input, output, error]) {
            if let descriptor {
                posix_spawn_file_actions_adddup2(&actions, descriptor, number)
            } else {
                posix_spawn_file_actions_addopen(&actions, number, "/dev/null", O_RDWR, 0)
            }
        }
        // What a library opened without O_CLOEXEC, or this process was started with.
        for descriptor in FileAccess.names(in: "/proc/self/fd").compactMap({ Int32($0) }) where descriptor > 2 {
            let flags = fcntl(descriptor, F_GETFD)
            if flags >= 0, flags & FD_CLOEXEC == 0 { posix_spawn_file_actions_addclose(&actions, descriptor) }
        }
        // Onto the same number: that keeps it open (posix_spawn_file_actions_adddup2(3)).
        if let keeping { posix_spawn_file_actions_adddup2(&actions, keeping, keeping) }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        // The last is POSIX_SPAWN_SETSID (glibc's spawn.h), which is not imported.
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | 0x80))

        let variables = environment.map { strdup("\($0.key)=\($0.value)") }
        let words = arguments.map { strdup($0) }
        defer { for text in variables + words { free(text) } }
        var process = pid_t()
        var status = ETXTBSY
        // Somebody may be writing the program: it is being installed.
        for attempt in 0..<20 where status == ETXTBSY {
            if attempt > 0 { usleep(10_000) }
            status = posix_spawn(&process, program, &actions, &attributes, words + [nil], variables + [nil])
        }
        guard status == 0 else { throw Errno(rawValue: status) }
        return process
    }
}
