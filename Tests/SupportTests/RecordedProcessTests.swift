import Glibc
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import Support

@Suite("A process that is recorded before it begins", .serialized)
struct RecordedProcessTests {
    private static let environment = ["PATH": "/usr/bin:/bin", "STILLPOINT_RUN": "r1"]

    private func run(
        _ script: String, input: String = "", within limit: Duration = .seconds(20), outputLimit: Int = 1 << 16,
        record: @Sendable (ProcessIdentity) async throws -> Void = { _ in }
    ) async throws -> ChildProcess.Outcome {
        try await ChildProcess.runRecorded(
            "/bin/sh", ["-c", script], environment: Self.environment, input: Array(input.utf8), within: limit,
            outputLimit: outputLimit, record: record)
    }

    @Test("reads its input to the end, however long, and gives how it ended and what it said")
    func input() async throws {
        let outcome = try await run(
            "wc -c; echo $STILLPOINT_RUN $(pwd); echo no >&2; exit 3", input: String(repeating: "x", count: 300_000))
        #expect(String(decoding: outcome.output, as: UTF8.self) == "300000\nr1 /\n")
        #expect(outcome.exitStatus == 3 && outcome.firstErrorLine == "no" && !outcome.leftProcesses)
    }

    @Test("need not read its input")
    func unread() async throws {
        let outcome = try await run("exec <&-; echo done", input: String(repeating: "x", count: 300_000))
        #expect(outcome.exitStatus == 0 && outcome.output.count == 5)
    }

    @Test("does nothing before it is recorded, and nothing at all where that fails")
    func recordedFirst() async throws {
        try await withScratchFolder { scratch in
            let file = scratch.path + "/begun"
            _ = try await run("touch \(file)") { process in
                try await Task.sleep(for: .milliseconds(200))
                #expect(access(file, F_OK) != 0)
                #expect(process == ProcessIdentity(of: process.id))
            }
            #expect(access(file, F_OK) == 0)
            unlink(file)
            await #expect(throws: PreparationError.self) {
                _ = try await run("touch \(file)") { _ in try required(false) }
            }
            #expect(access(file, F_OK) != 0)
        }
    }

    @Test("has nothing open but its input, output and error")
    func descriptors() async throws {
        let kept = open("/dev/null", O_RDONLY)
        defer { close(kept) }
        // ls has the folder open that it lists.
        let outcome = try await run("exec ls /proc/self/fd")
        #expect(String(decoding: outcome.output, as: UTF8.self) == "0\n1\n2\n3\n")
    }

    @Test(
        "that is no program is told by the system's word",
        arguments: [
            ("missing", Errno.noSuchFileOrDirectory), ("plain", .permissionDenied), ("folder", .permissionDenied),
            ("empty", Errno(rawValue: ENOEXEC)), ("lost", .noSuchFileOrDirectory),
        ])
    func noProgram(name: String, problem: Errno) async throws {
        try await withScratchFolder { scratch in
            try scratch.write("plain", "#!/bin/sh\n")
            try scratch.write("empty", "", mode: 0o755)
            try scratch.write("lost", "#!/nowhere/interpreter\n", mode: 0o755)
            try scratch.folder("folder")
            await #expect(throws: ChildProcess.Failure.notStarted(problem)) {
                _ = try await ChildProcess.runRecorded(
                    "\(scratch.path)/\(name)", [], environment: [:], input: [], within: .seconds(5), outputLimit: 10
                ) { _ in }
            }
        }
    }

    @Test(
        "ends with all that it has started in its session, also what has a process group of its own or ignores SIGTERM",
        arguments: [
            "sleep 41 & sleep 42", "set -m; sleep 41 & sleep 42",
            "trap '' TERM; (trap '' TERM; sleep 41) & while :; do sleep 1; done",
        ])
    func late(script: String) async throws {
        let recorded = Recorded()
        let begin = ContinuousClock.now
        await #expect(throws: ChildProcess.Failure.timedOut(isGone: true)) {
            _ = try await run(script, within: .seconds(1)) { recorded.set($0) }
        }
        #expect(ContinuousClock.now - begin < .seconds(3))
        let session = try #require(recorded.value).id
        #expect(SessionProcesses(of: session).living.isEmpty)
        #expect(kill(session, 0) != 0)
    }

    @Test("says that it left something running, which is killed; what has a session of its own lives on")
    func leftovers() async throws {
        let recorded = Recorded()
        let outcome = try await run("sleep 43 & setsid sleep 44 >/dev/null 2>&1 & echo answer; sleep 0.2") {
            recorded.set($0)
        }
        #expect(outcome.leftProcesses && outcome.exitStatus == 0)
        #expect(SessionProcesses(of: try #require(recorded.value).id).living.isEmpty)
        let others = processes(called: "sleep\0" + "44")
        #expect(others.count == 1)
        for id in others { kill(id, SIGKILL) }
        // What ends in a moment is no leftover.
        #expect(try await !run("sleep 0.05 & echo answer").leftProcesses)
    }

    @Test("that writes without end is killed at once")
    func endless() async throws {
        let begin = ContinuousClock.now
        await #expect(throws: ChildProcess.Failure.tooMuchOutput(isGone: true)) {
            _ = try await run(
                "trap '' TERM PIPE; while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done")
        }
        #expect(ContinuousClock.now - begin < .seconds(10))
    }

    @Test("is ended by whoever finds its record, with its session, whether or not it lives itself")
    func endSession() async throws {
        for script in [
            "sleep 45 & exec sleep 46", "sleep 45 & exit 0", "trap '' TERM; (trap '' TERM; sleep 45) & sleep 46",
        ] {
            let process = try start(script)
            let identity = try #require(ProcessIdentity(of: process))
            try await Task.sleep(for: .milliseconds(300))
            // As init does it for one whose starter is gone.
            startThread {
                var status: Int32 = 0
                waitpid(process, &status, 0)
            }
            let stranger = ProcessIdentity(boot: identity.boot, id: identity.id, began: identity.began - 1)
            if kill(process, 0) == 0 { #expect(stranger.endSession(marked: "STILLPOINT_RUN=r1")) }
            let older = ProcessIdentity(boot: "another", id: identity.id, began: identity.began)
            #expect(older.endSession(marked: "STILLPOINT_RUN=r1"))
            #expect(!SessionProcesses(of: process).living.isEmpty)
            if script.contains("exit") {
                try await Task.sleep(for: .milliseconds(100))
                #expect(identity.endSession(marked: "STILLPOINT_RUN=r2"))
                #expect(!SessionProcesses(of: process).living.isEmpty)
            }
            #expect(identity.endSession(marked: "STILLPOINT_RUN=r1"))
            #expect(SessionProcesses(of: process).living.isEmpty)
        }
    }

    private func start(_ script: String) throws -> pid_t {
        try ProcessStart.start("/bin/sh", ["sh", "-c", script], Self.environment)
    }

    private func processes(called text: String) -> [pid_t] {
        FileAccess.names(in: "/proc").compactMap { pid_t($0) }.filter { id in
            let line = (try? FileAccess.read("/proc/\(id)/cmdline", limit: 4096)) ?? []
            return String(decoding: line, as: UTF8.self).contains(text)
        }
    }
}

private final class Recorded: Sendable {
    private let process = Mutex<ProcessIdentity?>(nil)
    var value: ProcessIdentity? { process.withLock { $0 } }
    func set(_ value: ProcessIdentity) { process.withLock { $0 = value } }
}
