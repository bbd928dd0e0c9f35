package import Engine

extension Operator {
    /// `stillpoint check`: problems that the next run would meet, and how to fix them.
    package func check() async -> ExitCode {
        await perform { configuration in
            let result = try await Hypervisors(configuration, context).closeAfter {
                try await PreflightCheck(configuration: configuration, context: context, hypervisors: $0).run()
            }
            say(
                result.facts.map { "ok: \($0)\n" }.joined() + result.notes.map { "note: \($0)\n" }.joined()
                    + result.findings.map { "problem: \($0)\n" }.joined())
            return result.findings.isEmpty ? .done : .failed
        }
    }
}
