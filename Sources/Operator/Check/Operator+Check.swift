package import Engine
internal import Hypervisor
internal import Logging
internal import RunState
internal import Support

extension Operator {
    /// `stillpoint check`: what the next run would meet, and how to fix it.
    package func check(json: Bool = false) async -> ExitCode {
        await perform { configuration in
            let report = try await Hypervisors(configuration, context).closeAfter {
                try await PreflightCheck(configuration: configuration, context: context, hypervisors: $0).run()
            }
            if json {
                write(String(decoding: try StateFile.text(report), as: UTF8.self) + "\n")
            } else {
                say(report.text)
            }
            return report.hasProblem ? .failed : .done
        }
    }

    /// `stillpoint check --explain CODE`: what docs/findings.md says of a code.
    package func explainFinding(_ text: String) -> ExitCode {
        guard let code = FindingCode(rawValue: text.uppercased()), let explanation = code.explanation else {
            context.log.error(
                "there is no finding \(printable(text)); stillpoint check prints the code of each finding in brackets, such as SP101"
            )
            return .usage
        }
        say(explanation)
        return .done
    }

    /// Every code that a finding can have: `SP101`.
    package static var findingCodes: [String] { FindingCode.allCases.map(\.rawValue) }
}

extension FindingCode {
    /// Paragraphs for a terminal; nil where nothing is written of it.
    var explanation: String? {
        guard let guide else { return nil }
        return """
            \(rawValue) (\(severity.rawValue)): \(title)

            \(wrapped(guide.meaning))

            Why it matters:
            \(wrapped(why))

            How it is found:
            \(wrapped(guide.detection))

            What to do:
            \(wrapped(guide.remedy))

            """
    }

    private func wrapped(_ text: String, width: Int = 78) -> String {
        var lines = [""]
        for word in text.split(separator: " ") {
            let line = lines[lines.count - 1]
            if line.isEmpty {
                lines[lines.count - 1] = String(word)
            } else if line.utf8.count + 1 + word.utf8.count <= width {
                lines[lines.count - 1] = line + " " + word
            } else {
                lines.append(String(word))
            }
        }
        return lines.map { "    " + $0 }.joined(separator: "\n")
    }
}
