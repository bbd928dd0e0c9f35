import Hypervisor

@testable import Operator

/// `docs/findings.md`: every code that `stillpoint check` can print, out of their declarations.
enum FindingReference {
    static var page: String {
        """
        # What `stillpoint check` finds

        Made of what the program itself prints (CONTRIBUTING.md says how). Each line of `stillpoint check` ends in a code, such as
        `[SP101]`; `stillpoint explain SP101` says what it means, and stillpoint-findings(7)
        is this page, too. A code keeps its meaning for ever.

        - **problem**: the next run fails, or a VM does not get what the configuration wants for it. With one the exit code is 1.
        - **warning**: nothing fails, but somebody gets less than they may expect. The exit code is 0.
        - **note**: nothing is wrong, but know it. The exit code is 0.

        | code | severity | what |
        |---|---|---|

        """ + FindingCode.allCases.map(row).joined() + FindingCode.allCases.map(section).joined()
    }

    private static func row(_ code: FindingCode) -> String {
        "| [\(code.rawValue)](#\(code.rawValue.lowercased())) | \(code.severity.rawValue) | \(code.title) |\n"
    }

    private static func section(_ code: FindingCode) -> String {
        let guide = code.guide
        return """

            ## \(code.rawValue)

            **\(code.title)** (\(code.severity.rawValue)).

            \(linked(guide?.meaning ?? ""))

            - **Why it matters:** \(linked(code.why)).
            - **How it is found:** \(linked(guide?.detection ?? ""))
            - **What to do:** \(linked(code.remedy))

            """
    }
}

/// With links where a text names a page; from a page in `docs`.
func linked(_ text: String) -> String {
    text.replacing(/(?<folder>docs\/|hooks\/[a-z-]+\/|examples\/(?:guest\/)?|)(?<name>[A-Za-z-]+\.(?:md|conf))/) {
        match in
        switch match.folder {
        case "docs/": "[docs/\(match.name)](\(match.name))"
        case "": match.name == "SECURITY.md" ? "[SECURITY.md](../SECURITY.md)" : "\(match.name)"
        default: "[\(match.folder)\(match.name)](../\(match.folder)\(match.name))"
        }
    }
}
