import Glibc
import Support
import SystemPackage
import TestSupport
import Testing

@Suite("A child process", .serialized)
struct ChildProcessTests {
    private func run(
        _ script: String, within limit: Duration = .seconds(20), outputLimit: Int? = 1 << 20
    ) async -> (Result<ChildProcess.Outcome, ChildProcess.Failure>, Duration) {
        let start = ContinuousClock.now
        do throws(ChildProcess.Failure) {
            let outcome = try await ChildProcess.run(
                "/bin/sh", ["-c", script], within: limit, outputLimit: outputLimit)
            return (.success(outcome), ContinuousClock.now - start)
        } catch {
            return (.failure(error), ContinuousClock.now - start)
        }
    }

    @Test(
        "gives how it ended and what it said",
        arguments: [
            ("echo a; echo b >&2; exit 3", 3, "a\n", "b\n"), ("kill -9 $$", nil, "", ""), ("exit 0", 0, "", ""),
            ("cat; echo end", 0, "end\n", ""),
        ] as [(String, Int32?, String, String)])
    func ends(script: String, status: Int32?, output: String, error: String) async throws {
        let outcome = try await run(script).0.get()
        #expect(outcome.exitStatus == status)
        #expect(String(decoding: outcome.output, as: UTF8.self) == output)
        #expect(String(decoding: outcome.error, as: UTF8.self) == error)
    }

    @Test("may say more than a pipe holds")
    func muchOutput() async throws {
        let outcome = try await run("yes | head -c 1000000; yes | head -c 3000000 >&2").0.get()
        #expect(outcome.output.count == 1_000_000)
        #expect(outcome.error.count == 1 << 20)
    }

    @Test("that writes without end is ended")
    func endlessOutput() async {
        let (result, time) = await run("exec yes")
        #expect(throws: ChildProcess.Failure.tooMuchOutput(isGone: true)) { try result.get() }
        #expect(time < .seconds(15))
    }

    @Test("whose output nobody wants may write without a limit")
    func unwanted() async throws {
        let outcome = try await run("yes | head -c 5000000", outputLimit: nil).0.get()
        #expect(outcome.exitStatus == 0 && outcome.output.isEmpty)
    }

    @Test("is not waited for where only what it started lives on and holds its output open")
    func grandchild() async throws {
        let (result, time) = await run("sleep 30 & echo $!")
        let outcome = try result.get()
        #expect(time < .seconds(5))
        let sleeping = try #require(pid_t(String(decoding: outcome.output.dropLast(), as: UTF8.self)))
        #expect(kill(sleeping, SIGKILL) == 0)
    }

    @Test(
        "that is late is ended with what it started, within a second of its limit", arguments: ["", "trap '' TERM; "])
    func late(prefix: String) async throws {
        try await withScratchFolder { scratch in
            let file = scratch.path + "/pids"
            let (result, time) = await run(
                "\(prefix)sleep 31 & echo $! $$ > \(file); while :; do sleep 1; done", within: .seconds(1))
            #expect(throws: ChildProcess.Failure.timedOut(isGone: true)) { try result.get() }
            #expect(time >= .seconds(1) && time < .seconds(2))
            let pids = String(decoding: try readFile(file).dropLast(), as: UTF8.self).split(separator: " ")
            #expect(pids.count == 2)
            for pid in pids {
                let process = try #require(pid_t(pid))
                #expect(try await isGone(process))
            }
        }
    }

    /// One that sleeps in the kernel is imitated by one whose tracer wants to be asked before it exits, and is not there.
    @Test("that cannot die in time is left behind")
    func unkillable() async throws {
        try await withScratchFolder { scratch in
            // PTRACE_SEIZE with PTRACE_O_TRACEEXIT.
            let script = """
                import ctypes, os, sys, time
                libc = ctypes.CDLL(None)
                child = int(sys.argv[1])
                libc.ptrace(0x4206, child, 0, 0x40)
                open(sys.argv[2], 'w').write('x')
                time.sleep(20)
                """
            try scratch.write("trace.py", script)
            let (ready, pid) = (scratch.path + "/ready", scratch.path + "/pid")
            async let traced = run(
                "echo $$ > \(pid); while :; do sleep 1; done", within: .seconds(4))
            let tracer =
                "while [ ! -s \(pid) ]; do sleep 0.05; done; "
                + "exec python3 \(scratch.path)/trace.py $(cat \(pid)) \(ready)"
            async let tracing = run(tracer, within: .seconds(9))
            let (result, time) = await traced
            #expect(!(try readFile(ready).isEmpty))
            #expect(throws: ChildProcess.Failure.timedOut(isGone: false)) { try result.get() }
            #expect(time < .seconds(8))
            _ = await tracing
        }
    }

    @Test("ends with its caller")
    func cancelled() async throws {
        let task = Task { await run("exec sleep 32") }
        try await Task.sleep(for: .milliseconds(300))
        task.cancel()
        let (result, time) = await task.value
        #expect(throws: ChildProcess.Failure.cancelled(isGone: true)) { try result.get() }
        #expect(time < .seconds(3))
    }

    @Test("that is not there is told by the system's word")
    func missing() async {
        await #expect(throws: ChildProcess.Failure.notStarted(.noSuchFileOrDirectory)) {
            try await ChildProcess.run("/nowhere/zfs", [], within: .seconds(5))
        }
    }

    @Test("has no signal blocked or ignored, whatever its starter does")
    func signals() async throws {
        var blocked = sigset_t()
        sigemptyset(&blocked)
        sigaddset(&blocked, SIGTERM)
        sigaddset(&blocked, SIGUSR1)
        signal(SIGPIPE, SIG_IGN)
        // The threads that are started from here inherit it.
        pthread_sigmask(SIG_BLOCK, &blocked, nil)
        defer { pthread_sigmask(SIG_UNBLOCK, &blocked, nil) }
        let child = try await ChildProcess.run(
            "/bin/grep", ["-E", "^Sig(Blk|Ign)", "/proc/self/status"], within: .seconds(20), outputLimit: 4096)
        let lines = String(decoding: child.output, as: UTF8.self).split(separator: "\n")
        let masks = lines.compactMap { $0.split(separator: "\t").last.flatMap { UInt64($0, radix: 16) } }
        // Signals 32 and 33 are the C library's own, and stay as this process was given them.
        #expect(masks.count == 2 && masks.allSatisfy { $0 & ~0x1_8000_0000 == 0 }, "\(lines)")
    }

    private func isGone(_ process: pid_t) async throws -> Bool {
        for _ in 0..<100 {
            if kill(process, 0) != 0 { return true }
            let status = String(decoding: try readFile("/proc/\(process)/stat"), as: UTF8.self)
            if status.contains(") Z ") || status.isEmpty { return true }
            try await Task.sleep(for: .milliseconds(50))
        }
        return false
    }
}
