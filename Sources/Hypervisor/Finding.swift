/// Something that an administrator should know before the next run.
public struct Finding: Sendable, Codable, Equatable, CustomStringConvertible {
    /// What kind of thing it is.
    public let code: FindingCode
    /// What was found, in one line, with the name of what it concerns.
    public let what: String
    /// What to do about it, where there is something: a command or a line of the configuration.
    public let fix: String?

    /// A finding with these parts.
    public init(_ code: FindingCode, _ what: String, fix: String? = nil) {
        self.code = code
        self.what = what
        self.fix = fix
    }

    /// The same, of that hypervisor.
    public func of(_ hypervisor: String) -> Finding { Finding(code, "\(hypervisor): \(what)", fix: fix) }

    /// `WHAT; fix: WHAT TO DO`
    public var description: String { fix.map { "\(what); fix: \($0)" } ?? what }
}
