internal import Glibc
internal import Hypervisor
internal import JSON
internal import Logging
internal import Support
internal import SystemPackage

/// A program of the administrator's own for a hypervisor or an application that Stillpoint does not know: `exec:PATH`.
///
/// It is trusted as the configuration is that names it, and runs with all that this process may, so nobody else may be able to
/// change it.
struct ExecProgram: Sendable {
    let path: String
    let log: Logger

    /// How a call went wrong.
    struct Failure: Error, Sendable, CustomStringConvertible {
        /// How far it came.
        enum Extent: Sendable {
            /// Its first instruction was not reached.
            case notBegun
            /// It has ended, and may have done anything.
            case over
            /// It cannot be killed, and may yet do something.
            case underWay
        }

        let extent: Extent
        /// Says it of the program: `it was killed since…`.
        let description: String
    }

    /// Calls it, and reads its answer.
    /// - Parameters:
    ///   - record: makes durable which process it is; it begins after that.
    /// - Throws: ``Failure``, or what `record` throws; the program did nothing then.
    func call(
        _ request: ExecRequest, within limit: Duration, record: @Sendable (ProcessIdentity) async throws -> Void
    ) async throws -> ExecAnswer {
        let input: [UInt8]
        do throws(JSONError) {
            input = try JSON.encode(request) + [UInt8(ascii: "\n")]
        } catch {
            throw Failure(extent: .notBegun, description: "what it is to be told cannot be written: \(error)")
        }
        try await requireTrust()
        let outcome: ChildProcess.Outcome
        do {
            outcome = try await ChildProcess.runRecorded(
                path, [request.action.rawValue], environment: Self.environment(of: request.run), input: input,
                within: limit, outputLimit: ExecAnswer.mostBytes, record: record)
        } catch let failure as ChildProcess.Failure {
            throw Failure(failure, limit)
        }
        return try read(outcome, request.action)
    }

    /// Again right before it is started: since pre-snapshot's check it may have become somebody else's to change.
    private func requireTrust() async throws(Failure) {
        do {
            try await blocking("opening \(printable(path))", within: .seconds(2)) { [path] in
                try TrustedProgram(path).require()
            }
        } catch {
            throw Failure(extent: .notBegun, description: "it is not run: \(error)")
        }
    }

    private func read(_ outcome: ChildProcess.Outcome, _ action: ExecRequest.Action) throws(Failure) -> ExecAnswer {
        let lines = outcome.error.prefix(ExecAnswer.mostBytes).split(separator: UInt8(ascii: "\n")).map { line in
            printable(String(decoding: line, as: UTF8.self), limit: 300)
        }
        for line in lines.prefix(100) { log.debug("\(printable(path)) \(action.rawValue): \(line)") }
        let said = lines.last.map { ": \($0)" } ?? ""
        func failed(_ what: String) -> Failure { Failure(extent: .over, description: what) }
        guard let status = outcome.exitStatus else { throw failed("it was killed by a signal\(said)") }
        guard status == 0 else { throw failed("it ended with status \(status)\(said)") }
        // What holds the application still may have been among them.
        guard !outcome.leftProcesses else {
            throw failed(
                "what it had started ran still when it ended, and was killed: what must live on until the release is to "
                    + "be started by setsid")
        }
        do throws(ExecAnswerError) {
            return try ExecAnswer(outcome.output, to: action)
        } catch {
            throw failed("\(error)\(said)")
        }
    }

    /// Nothing of what this process was told by its caller; the run is there also to know the program's processes by.
    private static func environment(of run: String) -> [String: String] {
        [
            "PATH": ProgramFolders.system.joined(separator: ":"), "LANG": "C.UTF-8", "STILLPOINT_RUN": run,
        ]
    }

    /// What the environment of a call's processes has in it.
    static func mark(of run: String) -> String { "STILLPOINT_RUN=\(run)" }
}

extension ExecProgram.Failure {
    fileprivate init(_ failure: ChildProcess.Failure, _ limit: Duration) {
        switch failure {
        case .notStarted(let problem):
            self.init(extent: .notBegun, description: "it cannot be started: \(problem)")
        case .timedOut(let isGone):
            self.init(isGone, "it did not end within \(limit.text)")
        case .cancelled(let isGone):
            self.init(isGone, "its caller was ended")
        case .tooMuchOutput(let isGone):
            self.init(isGone, "it wrote more than \(ExecAnswer.mostBytes) bytes")
        }
    }

    private init(_ isGone: Bool, _ reason: String) {
        self.init(
            extent: isGone ? .over : .underWay,
            description: isGone ? "\(reason) and was killed" : "\(reason) and cannot be killed")
    }
}
