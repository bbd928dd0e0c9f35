internal import Configuration
internal import Hypervisor

/// What `stillpoint check` says; docs/json.md documents its JSON.
struct CheckReport: Sendable, Codable, Equatable {
    /// What is in order: how many VMs each hypervisor has, which are on which dataset.
    var facts: [String] = []
    /// In the order in which they were found.
    var findings: [FoundItem] = []

    /// A finding with what its kind says of it.
    struct FoundItem: Sendable, Codable, Equatable {
        let code: FindingCode
        let severity: FindingSeverity
        let what: String
        /// Why it matters.
        let why: String
        let fix: String?

        init(_ finding: Finding) {
            code = finding.code
            severity = finding.code.severity
            what = finding.what
            why = finding.code.why
            fix = finding.fix
        }

        /// `problem: WHAT; fix: WHAT TO DO [SP101]`
        var line: String { "\(severity.rawValue): \(summary) [\(code.rawValue)]" }

        var summary: String { fix.map { "\(what); fix: \($0)" } ?? what }
    }

    init() {}

    /// Of a configuration that is refused: nothing else is looked at then.
    init(of error: ConfigurationError) { add([Finding(.configurationRefused, "\(error)")]) }

    /// Each once, however often it was found.
    mutating func add(_ found: [Finding]) {
        for item in found.map(FoundItem.init) where !findings.contains(item) { findings.append(item) }
    }

    /// `WHAT; fix: WHAT TO DO` of each of that severity.
    func lines(_ severity: FindingSeverity) -> [String] {
        findings.filter { $0.severity == severity }.map(\.summary)
    }

    /// Something would fail.
    var hasProblem: Bool { findings.contains { $0.severity == .problem } }

    /// The worst last, so that they are seen; then why each kind matters, once.
    var text: String {
        let sorted = FindingSeverity.allCases.flatMap { severity in findings.filter { $0.severity == severity } }
        let kinds = FindingCode.allCases.filter { code in
            sorted.contains { $0.code == code && $0.severity != .note }
        }
        let reasons = kinds.map { "    \($0.rawValue): \($0.why)\n" }
        return facts.map { "ok: \($0)\n" }.joined() + sorted.map { "\($0.line)\n" }.joined()
            + (reasons.isEmpty ? "" : "why it matters (docs/findings.md):\n") + reasons.joined()
    }
}

extension Finding {
    /// Of a text that ends in `; fix: WHAT TO DO`, if it has a fix.
    init(_ code: FindingCode, splitting text: String) {
        let separator = Array("; fix: ".utf8)
        let bytes = Array(text.utf8)
        let place = bytes.indices.last { bytes[$0...].starts(with: separator) }
        guard let place else {
            self.init(code, text)
            return
        }
        self.init(
            code, String(decoding: bytes[..<place], as: UTF8.self),
            fix: String(decoding: bytes[(place + separator.count)...], as: UTF8.self))
    }
}
