internal import Glibc
internal import JSON
internal import Support
internal import SystemPackage

/// A report as JSON on the standard input of `on_problem`, which is ended with all that it started when its time is over.
struct ProgramDelivery: Delivery {
    let path: String

    let name = "on_problem"
    var title: String { "on_problem = \(printable(path, limit: 300))" }

    func deliver(_ report: RunReport, within limit: Duration) async throws(DeliveryError) {
        let outcome: ChildProcess.Outcome
        do {
            let input = try JSON.encode(report) + [UInt8(ascii: "\n")]
            try TrustedPath.requireFile(path)
            outcome = try await ChildProcess.runRecorded(
                path, [], environment: Self.environment, input: input, within: limit, outputLimit: 1 << 20
            ) { _ in }
        } catch {
            throw DeliveryError(Self.explained(error, limit))
        }
        try Self.requireSuccess(outcome)
    }

    /// Nothing of what this process was told by its caller.
    static let environment = ["PATH": ProgramFolders.system.joined(separator: ":"), "LANG": "C.UTF-8"]

    static func explained(_ error: any Error, _ limit: Duration) -> String {
        switch error {
        case ChildProcess.Failure.notStarted(let problem): "it cannot be started: \(problem)"
        case ChildProcess.Failure.timedOut: "it did not end within \(limit.text), and was killed"
        case ChildProcess.Failure.tooMuchOutput: "it wrote more than makes sense, and was killed"
        default: "it is not run: \(error)"
        }
    }

    /// - Throws: DeliveryError, with what it has said.
    static func requireSuccess(_ outcome: ChildProcess.Outcome) throws(DeliveryError) {
        guard outcome.exitStatus != 0 else { return }
        let said = outcome.firstErrorLine.map { ": \(printable($0, limit: 300))" } ?? ""
        let how = outcome.exitStatus.map { "it ended with status \($0)" } ?? "it was killed by a signal"
        throw DeliveryError(description: how + said, isRefusal: true)
    }
}

extension DeliveryError {
    fileprivate init(_ description: String) { self.init(description: description, isRefusal: false) }
}
