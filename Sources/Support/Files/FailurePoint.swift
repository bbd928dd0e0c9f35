internal import Glibc
internal import Synchronization

/// Where a test can have the process killed, as by `kill -9` or a power cut: beside each durable step.
///
/// `STILLPOINT_KILL_AT=N` kills it at the Nth such point. Compiled out of release builds.
package func failurePoint() {
    #if DEBUG
        guard let text = getenv("STILLPOINT_KILL_AT"), let wanted = Int(String(cString: text)) else { return }
        let isIt = passed.withLock { passed in
            passed += 1
            return passed == wanted
        }
        if isIt { kill(getpid(), SIGKILL) }
    #endif
}

/// Where a test can have a file's disk hang, as long as its path is among `hangingFiles`. Compiled out of release builds.
package func hangingPoint(_ path: String) {
    #if DEBUG
        for _ in 0..<6000 where hangingFiles.withLock({ $0.contains(path) }) { usleep(10_000) }
    #endif
}

#if DEBUG
    private let passed = Mutex(0)
    let hangingFiles = Mutex<Set<String>>([])
#endif
