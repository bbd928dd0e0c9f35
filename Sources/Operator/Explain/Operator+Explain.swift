internal import Configuration
package import Engine
internal import Logging
internal import RunState
internal import Support

extension Operator {
    /// `stillpoint explain VM`, or a code: what the VM got in its last runs and why not more, or what the code means. Neither a
    /// hypervisor nor zfs is asked.
    /// - Parameter most: runs of each VM that are told of.
    package func explain(_ word: String, most: Int, json: Bool) async -> ExitCode {
        if let code = ExplainReport.Code(word) {
            // A VM may be called so, too; the code is told of to whoever asks, also where there is no state to be read.
            var report = ExplainReport(code: code)
            if let configuration = try? context.configuration(configurationPath) {
                try? add(word, most: most, configuration, to: &report)
            }
            return await perform { _ in try tell(report, json: json) }
        }
        return await perform { configuration in
            var report = ExplainReport()
            try add(word, most: most, configuration, to: &report)
            guard report.machines.isEmpty else { return try tell(report, json: json) }
            let directory = StateDirectory(configuration.stateDirectory)
            let names = RunHistory(directory).names().union(directory.readableRuns.flatMap(\.machines).map(\.name))
            let plan = "what the next run would do with a VM says: stillpoint plan DATASET"
            guard !names.isEmpty else {
                context.log.error("no run of '\(printable(word))' is known yet, nor of any other VM; \(plan)")
                return .usage
            }
            let near = nearest(to: word, among: names.sorted()).map { "; did you mean '\(printable($0))'?" } ?? ""
            context.log.error(
                "'\(printable(word))' is neither a VM of past or open runs, by name or id, nor a code\(near); \(plan)")
            return .usage
        }
    }

    /// - Throws: StateError, also for a user who may not read the state.
    private func add(
        _ word: String, most: Int, _ configuration: Configuration, to report: inout ExplainReport
    ) throws {
        let directory = StateDirectory(configuration.stateDirectory)
        // What cannot be read is status's to name.
        _ = try directory.openRunIDs()
        report.add(word, RunHistory(directory), open: directory.readableRuns, most: most)
    }

    private func tell(_ report: ExplainReport, json: Bool) throws -> ExitCode {
        if json {
            try write(json: report)
            return .done
        }
        if let code = report.code { sayWrapped(code.text) }
        for machine in report.machines {
            sayWrapped(machine.head)
            if !machine.runs.isEmpty {
                let lines = Array(machine.table.lines(for: terminal))
                write(lines[0] + "\n")
                for (line, run) in zip(lines.dropFirst(), machine.runs) {
                    write(line + "\n")
                    sayWrapped(run.notes.map { "    \(printable($0, limit: 400))\n" }.joined())
                }
            }
            sayWrapped(machine.summary)
        }
        return .done
    }
}
