import Glibc
import HostFixtures
import Hypervisor
import Synchronization
import TestSupport
import Testing
import ZFS

@testable import Engine
@testable import RunState

@Suite("examples/exec/mariadb-read-lock", .serialized)
struct ExecExampleTests {
    private static let top = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()

    /// The example with a client that says it has the lock, and holds it.
    private func withExample(
        client: String = "echo locked; exec sleep 71", _ body: (ExecFreeze, ScratchFolder) async throws -> Void
    ) async throws {
        try await withScratchFolder { scratch in
            try scratch.write("mariadb", "#!/bin/sh\necho $$ >\(scratch.path)/client\n\(client)\n", mode: 0o755)
            let path = try scratch.write(
                "program",
                """
                #!/bin/sh
                export MARIADB=\(scratch.path)/mariadb LOCK_FOLDER=\(scratch.path)/locks
                exec python3 \(Self.top)/examples/exec/mariadb-read-lock "$@"

                """, mode: 0o755)
            let record = VMRecord(hypervisor: "local", id: "../u 1", name: "db", datasets: [try DatasetName("tank/VM")])
            let subject = ExecRequest.Subject(try makeRun("r", machines: [record]), ExecRequest.Machine(record))
            let program = ExecProgram(path: path, log: LogRecorder().logger)
            try await body(ExecFreeze(program: program, subject: subject, timeout: .seconds(20)), scratch)
        }
    }

    private func client(_ scratch: ScratchFolder) throws -> pid_t {
        try #require(pid_t(String(decoding: try readFile(scratch.path + "/client").dropLast(), as: UTF8.self)))
    }

    private func isHeld(by process: pid_t) async throws -> Bool {
        for _ in 0..<20 where kill(process, 0) == 0 && ProcessState.isAlive(process) {
            try await Task.sleep(for: .milliseconds(50))
        }
        return ProcessState.isAlive(process)
    }

    @Test("holds the lock until the release")
    func holds() async throws {
        try await withExample { freeze, scratch async throws in
            let (result, state) = try await freeze.freeze(before: nil) { _ in }
            #expect(result.consistency == .quiesced && state.step == .held)
            let process = try client(scratch)
            #expect(ProcessState.isAlive(process))
            #expect(try await freeze.release(state) { _ in }.claim == nil)
            #expect(try await !isHeld(by: process))
            // Again: nothing is wrong, and nothing is claimed.
            #expect(try await freeze.release(state) { _ in }.claim == .crash)
        }
    }

    @Test("says that the lock was lost")
    func lost() async throws {
        try await withExample { freeze, scratch async throws in
            let (_, state) = try await freeze.freeze(before: nil) { _ in }
            kill(try client(scratch), SIGKILL)
            try await Task.sleep(for: .milliseconds(200))
            let (claim, notes) = try await freeze.release(state) { _ in }
            #expect(claim == .crash && notes == ["nobody held the lock any more"])
        }
    }

    @Test("falls back, and leaves no client, where there is no lock to be had", arguments: ["exit 1", "exec sleep 72"])
    func refused(client: String) async throws {
        try await withExample(client: client) { freeze, scratch async throws in
            let last = Mutex<FreezeState?>(nil)
            do {
                _ = try await freeze.freeze(before: .now + .seconds(6)) { state in last.withLock { $0 = state } }
                Issue.record("it froze")
            } catch let error as HypervisorError {
                #expect(error.remedy == .fallBack && last.withLock { $0 } == nil, "\(error)")
            }
            #expect(try await !isHeld(by: try self.client(scratch)))
        }
    }
}

private enum ProcessState {
    static func isAlive(_ process: pid_t) -> Bool {
        let status = String(decoding: (try? readFile("/proc/\(process)/stat")) ?? [], as: UTF8.self)
        return !status.isEmpty && !status.contains(") Z ")
    }
}
