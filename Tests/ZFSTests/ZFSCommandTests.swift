import Glibc
import TestSupport
import Testing
import ZFS

@Suite("The zfs command")
struct ZFSCommandTests {
    private func run(
        _ script: String, timeout: Duration = .seconds(20), _ name: String = "tank@a"
    ) async throws -> (Bool?, ZFSError?) {
        try await withScratchFolder { scratch in
            let path = try scratch.write("zfs", "#!/bin/sh\n" + script, mode: 0o755)
            do throws(ZFSError) {
                return (try await ZFSCommand(executable: path, timeout: timeout).exists(name), nil)
            } catch {
                return (nil, error)
            }
        }
    }

    @Test("tells what exists", arguments: [("tank@a", true), ("tank", true), ("tank@b", false), ("rpool", false)])
    func exists(name: String, expected: Bool) async throws {
        try await withScratchFolder { scratch in
            let zfs = try FakeZFS(scratch, .openZFS, existing: ["tank", "tank@a"])
            #expect(try await zfs.command.exists(name) == expected)
        }
    }

    @Test("is not called with what is no name", arguments: ["", "-r", "tank//x", "tank@a@b", "tank\n"])
    func badName(name: String) async throws {
        let (_, error) = try await run("exit 0", name)
        #expect(error?.code == .badArgument)
    }

    @Test("that fails is told with its command, status and first words")
    func failure() async throws {
        let (_, error) = try await run("echo 'cannot open pool: I/O error' >&2; echo more >&2; exit 4")
        #expect(error?.code == .failed)
        #expect(error?.exitStatus == 4)
        #expect(error?.firstErrorLine == "cannot open pool: I/O error")
        #expect(error?.command.dropFirst().first == "list")
        #expect(error?.command.last == "tank@a")
        let text = try #require(error).description
        #expect(text.contains("exit status 4") && text.contains("I/O error") && !text.contains("\n"))
    }

    @Test("that a signal ends has no exit status")
    func signalled() async throws {
        let (_, error) = try await run("kill -9 $$")
        #expect(error?.code == .failed)
        #expect(error?.exitStatus == nil)
    }

    @Test("that is late is killed with all it started, even where it ignores SIGTERM")
    func late() async throws {
        try await withScratchFolder { scratch in
            let script = """
                #!/bin/sh
                trap '' TERM
                sleep 61 &
                echo $! > \(scratch.path)/child
                echo $$ > \(scratch.path)/self
                while :; do sleep 1; done
                """
            let path = try scratch.write("zfs", script, mode: 0o755)
            let start = ContinuousClock.now
            let error = await #expect(throws: ZFSError.self) {
                try await ZFSCommand(executable: path, timeout: .seconds(1)).exists("tank")
            }
            #expect(error?.code == .timedOut)
            #expect(ContinuousClock.now - start < .seconds(15))
            for name in ["self", "child"] {
                let text = String(decoding: try readFile(scratch.path + "/" + name).dropLast(), as: UTF8.self)
                let process = try #require(pid_t(text))
                #expect(try await isGone(process))
            }
        }
    }

    @Test("ends with its caller")
    func cancelled() async throws {
        try await withScratchFolder { scratch in
            let path = try scratch.write("zfs", "#!/bin/sh\nexec sleep 60\n", mode: 0o755)
            let task = Task { try await ZFSCommand(executable: path).exists("tank") }
            try await Task.sleep(for: .milliseconds(300))
            task.cancel()
            let error = await #expect(throws: ZFSError.self) { try await task.value }
            #expect(error?.code == .cancelled)
        }
    }

    @Test("is found in PATH")
    func path() async throws {
        try await withScratchFolder { scratch in
            _ = try FakeZFS(scratch, .openZFS, existing: ["tank"])
            let path = "/nowhere:\(scratch.path)/bin:/usr/bin:/bin"
            let command = ZFSCommand(environment: ["PATH": path, "LC_ALL": "de_DE.UTF-8"])
            #expect(try await command.exists("tank"))
        }
    }

    @Test("that is nowhere is told so", arguments: ["no-such-zfs", "/nowhere/zfs"])
    func absent(executable: String) async {
        let error = await #expect(throws: ZFSError.self) {
            try await ZFSCommand(executable: executable, environment: [:]).exists("tank")
        }
        #expect(error?.code == .notFound)
    }

    @Test("loses no word of what zfs says, called many times")
    func manyCalls() async throws {
        try await withScratchFolder { scratch in
            let zfs = try FakeZFS(scratch, .openZFS, existing: ["tank"])
            for _ in 0..<100 {
                #expect(try await zfs.command.exists("tank@gone") == false)
            }
        }
    }

    /// Dying takes a moment after the signal, and init may take its time to fetch a zombie.
    private func isGone(_ process: pid_t) async throws -> Bool {
        for _ in 0..<100 {
            let text = String(decoding: try readFile("/proc/\(process)/stat"), as: UTF8.self)
            if kill(process, 0) != 0 || text.contains(") Z ") { return true }
            try await Task.sleep(for: .milliseconds(50))
        }
        return false
    }
}
