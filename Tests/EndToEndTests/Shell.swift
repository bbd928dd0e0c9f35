import Subprocess
import SystemPackage
import Testing

/// How a command ended and what it said.
struct Outcome: Sendable {
    let status: Int32
    let output: String
    let errors: String

    /// Standard output without the newlines at its end.
    var text: String { String(output.reversed().drop { $0 == "\n" }.reversed()) }
    var lines: [String] { output.split(separator: "\n").map(String.init) }
}

/// Runs a bash command line.
func shell(_ command: String) async throws -> Outcome {
    let result = try await run(
        .path("/bin/bash"), arguments: ["-c", command], output: .string(limit: 8 << 20), error: .string(limit: 8 << 20))
    let status: Int32 =
        switch result.terminationStatus {
        case .exited(let code): code
        case .signaled(let signal): 128 + signal
        }
    return Outcome(status: status, output: result.standardOutput, errors: result.standardError)
}

/// Runs a bash command line that must succeed, and gives its standard output.
@discardableResult
func need(_ command: String, sourceLocation: SourceLocation = #_sourceLocation) async throws -> String {
    let outcome = try await shell(command)
    try #require(
        outcome.status == 0, "\(command)\nexit status \(outcome.status)\n\(outcome.output)\(outcome.errors)",
        sourceLocation: sourceLocation)
    return outcome.text
}

/// Destroys a dataset; zfs-fuse may call one busy for a moment.
func destroy(_ dataset: String, sourceLocation: SourceLocation = #_sourceLocation) async throws {
    try await need(
        "for i in $(seq 10); do zfs destroy \(dataset) && exit; sleep 0.3; done; exit 1", sourceLocation: sourceLocation
    )
}

/// A text in quotes for bash.
func quoted(_ text: String) -> String {
    "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
}
