import Glibc
import HostFixtures
import Hypervisor
import JSON
import Logging
import Support
import TestSupport
import Testing
import ZFS

@testable import Engine
@testable import RunState

@Suite("A program behind exec:")
struct ExecProgramTests {
    private static let good = #"{"version":1,"consistency":"quiesced"}"#

    private static func subject() throws -> ExecRequest.Subject {
        var run = try makeRun("r")
        run.snapshots = [try SnapshotName("tank/VM@daily")]
        let record = VMRecord(hypervisor: "local", id: "u-1", name: "web01", datasets: [try DatasetName("tank/VM")])
        let disk = Disk(target: "vda", chain: ["/tank/VM/web01.qcow2"], format: "qcow2")
        return ExecRequest.Subject(run, ExecRequest.Machine(record, disks: [disk]))
    }

    private func call(
        _ path: String, within limit: Duration = .seconds(10), log: Logger = LogRecorder().logger
    ) async throws -> ExecAnswer {
        let request = ExecRequest(.freeze, try Self.subject(), within: limit, state: nil)
        return try await ExecProgram(path: path, log: log).call(request, within: limit) { _ in }
    }

    private func program(_ scratch: ScratchFolder, _ body: String, mode: UInt32 = 0o755) throws -> String {
        try scratch.write("program", "#!/bin/sh\n\(body)\n", mode: mode)
    }

    @Test("is told what to do, and its answer is taken")
    func answers() async throws {
        try await withScratchFolder { scratch in
            let path = try program(
                scratch,
                """
                cat >\(scratch.path)/request
                echo "$*" >\(scratch.path)/arguments
                env | cut -d= -f1 | sort | tr '\\n' ' ' >\(scratch.path)/variables
                echo '{"version":1,"consistency":"quiesced","frozen":true,"later":[1],'
                echo '"state":{"pid":17,"list":[null,true,1.5,"x"]},"notes":["a\\u001bb"]}'
                """)
            let answer = try await call(path)
            #expect(answer.consistency == .quiesced && answer.isFrozen && answer.notes == ["a\\u{1B}b"])
            let state = try JSON.decode(OpaqueJSON.self, from: Array(try #require(answer.state).utf8))
            #expect(
                state == .object(["pid": .int(17), "list": .array([.null, .bool(true), .real(1.5), .string("x")])]))
            #expect(String(decoding: try readFile(scratch.path + "/arguments"), as: UTF8.self) == "freeze\n")
            let variables = String(decoding: try readFile(scratch.path + "/variables"), as: UTF8.self)
            #expect(
                variables.split(separator: " ").filter { $0 != "_" && $0 != "PWD" && $0 != "OLDPWD" && $0 != "SHLVL" }
                    == ["LANG", "PATH", "STILLPOINT_RUN"])
            struct Request: Decodable {
                let version: Int, action: String, timeoutMilliseconds: Int, snapshots: [String]
            }
            let request = try JSON.decode(Request.self, from: try readFile(scratch.path + "/request"))
            #expect(request.version == 1 && request.action == "freeze" && request.timeoutMilliseconds == 10_000)
            #expect(request.snapshots == ["tank/VM@daily"])
        }
    }

    /// What a program does, and how that is said.
    private static let bad: [(String, String)] = [
        ("exec sleep 51", "it did not end within 1 s and was killed"),
        ("trap '' TERM; while :; do sleep 0.1; done", "it did not end within 1 s and was killed"),
        (
            "trap 'echo \(good.shell); exit 0' TERM; while :; do sleep 0.1; done",
            "it did not end within 1 s and was killed"
        ),
        ("exec yes", "it wrote more than 65536 bytes and was killed"),
        ("head -c 1000000000 /dev/zero", "it wrote more than 65536 bytes and was killed"),
        ("head -c 65537 /dev/zero", "it wrote more than 65536 bytes and was killed"),
        ("", "it answered nothing"),
        ("echo hello", "its answer is not the JSON that was asked for (line 1"),
        ("echo '{\"version\":1}' | tr 1 2", "its answer is of version 2, and this program speaks 1"),
        ("echo '{}'", "its answer is not the JSON that was asked for (version: is missing)"),
        ("echo '{\"version\":1}'", "its answer does not say which consistency it has reached"),
        (
            "echo '{\"version\":1,\"consistency\":\"memory\"}'",
            "it claims 'memory'; a program may claim: quiesced, off, crash"
        ),
        ("echo '{\"version\":1,\"consistency\":\"stale\"}'", "it claims 'stale'"),
        ("echo '{\"version\":1,\"consistency\":\"fine\\u0007\"}'", "it claims 'fine\\u{07}'"),
        ("echo '{\"version\":1,\"consistency\":\"crash\",\"version\":1}'", "its answer is not the JSON"),
        (
            "printf '%040d' 0 | tr 0 '['",
            "its answer is not the JSON that was asked for (it is nested more than 16 deep)"
        ),
        (
            "printf '[%05000d]' 0 | sed 's/0/0,/g'",
            "its answer is not the JSON that was asked for (it has more than 4096 parts)"
        ),
        (
            "printf '{\"version\":1,\"consistency\":\"off\",\"state\":\"%016385d\"}' 0",
            "its state is larger than 16384 bytes"
        ),
        ("kill -9 $$", "it was killed by a signal"),
        ("kill -SEGV $$", "it was killed by a signal"),
        (
            "echo first >&2; echo 'the \u{1B}[31mdatabase is down' >&2; exit 1",
            "it ended with status 1: the \\u{1B}[31mdatabase is down"
        ),
        ("echo \(good.shell); exit 75", "it ended with status 75"),
        ("nohup sleep 52 & echo \(good.shell)", "what it had started ran still when it ended, and was killed"),
        ("exec <&-; exit 2", "it ended with status 2"),
    ]

    @Test("that fails says how, and nothing of it is left", arguments: bad)
    func fails(body: String, reason: String) async throws {
        try await withScratchFolder { scratch in
            let path = try program(scratch, "echo $$ >\(scratch.path)/pid\n\(body)")
            let begin = ContinuousClock.now
            let limit: Duration = reason.contains("within 1 s") ? .seconds(1) : .seconds(20)
            do {
                let answer = try await call(path, within: limit)
                Issue.record("\(answer)")
            } catch let failure as ExecProgram.Failure {
                #expect(failure.description.hasPrefix(reason), "\(failure)")
                #expect(failure.extent == .over)
            }
            #expect(ContinuousClock.now - begin < .seconds(19))
            let text = String(decoding: try readFile(scratch.path + "/pid").dropLast(), as: UTF8.self)
            let session = try #require(pid_t(text))
            let names = try ScratchFolder(path: "/proc").names(in: ".")
            let left = names.compactMap { pid_t($0) }.compactMap { ProcessStatus(of: $0) }.filter {
                $0.session == session && $0.state != "Z"
            }
            #expect(left.isEmpty)
        }
    }

    @Test("that answers late but in time, or leaves a session of its own that holds its output, is fine")
    func fine() async throws {
        try await withScratchFolder { scratch in
            let slow = try program(scratch, "sleep 0.2; exec <&-; echo \(Self.good.shell)")
            #expect(try await call(slow).consistency == .quiesced)
            let daemon = try program(
                scratch,
                "setsid sh -c 'echo $$ >\(scratch.path)/pid; exec sleep 53' & while [ ! -s \(scratch.path)/pid ]; do sleep 0.05; done; echo \(Self.good.shell)"
            )
            let begin = ContinuousClock.now
            #expect(try await call(daemon).consistency == .quiesced)
            #expect(ContinuousClock.now - begin < .seconds(9))
            let pid = try #require(
                pid_t(String(decoding: try readFile(scratch.path + "/pid").dropLast(), as: UTF8.self)))
            #expect(kill(pid, SIGKILL) == 0)
        }
    }

    @Test("says on standard error what goes to the log")
    func said() async throws {
        try await withScratchFolder { scratch in
            let log = LogRecorder()
            var logger = log.logger
            logger.logLevel = .debug
            _ = try await call(try program(scratch, "echo one >&2; echo two >&2; echo \(Self.good.shell)"), log: logger)
            #expect(log.text.contains("freeze: one") && log.text.contains("freeze: two"))
        }
    }

    enum Unusable: CaseIterable {
        case missing, notExecutable, folder, noInterpreter, noShebang
        case groupWritable, othersFile, writableFolder, writableFolderAbove, linkToWritable, linkInWritableFolder

        var isUntrusted: Bool {
            switch self {
            case .missing, .notExecutable, .folder, .noInterpreter, .noShebang: false
            default: true
            }
        }

        func make(_ scratch: ScratchFolder) throws -> String {
            let good = "#!/bin/sh\necho '\(ExecProgramTests.good)'\n"
            let path = try scratch.write("in/deep/program", good, mode: 0o755)
            switch self {
            case .missing: return path + "2"
            case .notExecutable: chmod(path, 0o644)
            case .folder: return scratch.path + "/in/deep"
            case .noInterpreter: return try scratch.write("in/deep/program", "#!/nowhere/sh\n", mode: 0o755)
            case .noShebang: return try scratch.write("in/deep/program", "echo\n", mode: 0o755)
            case .groupWritable: chmod(path, 0o775)
            case .othersFile: try required(chown(path, 12345, 12345) == 0)
            case .writableFolder: chmod(scratch.path + "/in/deep", 0o777)
            case .writableFolderAbove: chmod(scratch.path + "/in", 0o775)
            case .linkToWritable:
                chmod(path, 0o757)
                try scratch.link("link", to: "in/deep/program")
                return scratch.path + "/link"
            case .linkInWritableFolder:
                try scratch.link("open/link", to: path)
                chmod(scratch.path + "/open", 0o777)
                return scratch.path + "/open/link"
            }
            return path
        }
    }

    @Test("that cannot be run, or that others could change, is not begun", arguments: Unusable.allCases)
    func unusable(kind: Unusable) async throws {
        try await withScratchFolder { scratch in
            let path = try kind.make(scratch)
            if kind.isUntrusted {
                #expect(throws: UntrustedProgramError.self) { try TrustedProgram(path).checkOwners() }
            } else {
                #expect(throws: Never.self) { try TrustedProgram(path).checkOwners() }
            }
            do {
                _ = try await call(path)
                Issue.record("it was run")
            } catch let failure as ExecProgram.Failure {
                #expect(failure.extent == .notBegun, "\(failure)")
            }
        }
    }

    @Test(
        "is found to have a first line that no program can be started by",
        arguments: [
            ("#!/bin/sh\n", nil), ("#! /bin/sh -e\n", nil), ("#!\t/bin/sh\n", nil), ("echo\n", nil), ("", nil),
            ("#!/usr/bin/env sh\n", nil), ("#!/usr/bin/env sh \t\n", nil), ("#!/bin/sh \n", nil),
            ("#!/usr/bin/env -S sh -e\n", nil), ("#!\n", nil),
            ("#!/nowhere/sh\n", "/nowhere/sh"), ("#!bin/sh\n", "bin/sh"), ("#!/bin/sh\r\n", "/bin/sh"),
            ("#!/usr/bin/env no-such-program\n", "/usr/bin/env no-such-program"), ("#!/etc/passwd\n", "/etc/passwd"),
        ] as [(String, String?)])
    func interpreter(head: String, named: String?) throws {
        try withScratchFolder { scratch in
            let path = try scratch.write("program", head, mode: 0o755)
            guard let named else {
                #expect(throws: Never.self) { try TrustedProgram(path).check() }
                return
            }
            let error = #expect(throws: UntrustedProgramError.self) { try TrustedProgram(path).check() }
            #expect(error?.description.contains("its first line names \(named)") == true, "\(error?.description ?? "")")
        }
    }

    @Test("may be reached by a link that is root's")
    func rootsLink() async throws {
        try await withScratchFolder { scratch in
            _ = try program(scratch, "echo \(Self.good.shell)")
            try scratch.link("link", to: "program")
            #expect(try await call(scratch.path + "/link").consistency == .quiesced)
        }
    }
}

extension String {
    /// As one word of a shell's.
    fileprivate var shell: String { "'\(self)'" }
}
