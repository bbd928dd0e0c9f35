package import Engine

extension Operator {
    /// `stillpoint check`: problems that the next run would meet, and how to fix them.
    package func check() async -> ExitCode {
        await perform { configuration in
            let hypervisors = Hypervisors(configuration, context)
            let check = PreflightCheck(configuration: configuration, context: context, hypervisors: hypervisors)
            let result: (facts: [String], notes: [String], findings: [String])
            do {
                result = try await check.run()
            } catch {
                await hypervisors.close()
                throw error
            }
            await hypervisors.close()
            say(
                result.facts.map { "ok: \($0)\n" }.joined() + result.notes.map { "note: \($0)\n" }.joined()
                    + result.findings.map { "problem: \($0)\n" }.joined())
            return result.findings.isEmpty ? .done : .failed
        }
    }
}
