import Glibc
import Support
import Testing

@Suite("A process by its handle")
struct ProcessHandleTests {
    @Test("is killed, and its end is seen")
    func kill() throws {
        let child = try spawn(["/bin/sleep", "20"])
        do {
            guard let handle = ProcessHandle(child) else { throw Errno() }
            let isGone = handle.kill(within: 5000)
            #expect(isGone)
        }
        var status: Int32 = 0
        #expect(waitpid(child, &status, 0) == child)
        #expect(status & 0x7F == SIGKILL)
        #expect(!isThere(child))
    }

    private struct Errno: Error {
        let number = errno
    }

    private func isThere(_ process: pid_t) -> Bool {
        guard ProcessHandle(process) != nil else { return false }
        return true
    }

    private func spawn(_ command: [String]) throws -> pid_t {
        var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
        defer { arguments.forEach { free($0) } }
        var child = pid_t()
        try #require(posix_spawn(&child, command[0], nil, nil, &arguments, nil) == 0)
        return child
    }
}
