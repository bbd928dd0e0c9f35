internal import Support

/// The options of a hook and the operands that are left.
///
/// Read by hand: the hooks start before every snapshot, and a full argument parser costs more than they do.
struct HookOptions {
    private(set) var isRecursive = false
    private(set) var isDryRun = false
    private(set) var deadline: Duration?
    private(set) var configurationPath: String?
    /// Nil: the caller, or the snapshots' names, tell them.
    private(set) var types: [String]?
    private(set) var operands: [String] = []

    init(_ arguments: [String], phase: Phase) throws(InvocationError) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            guard argument.hasPrefix("-"), argument != "-" else {
                operands.append(argument)
                continue
            }
            let equals = argument.hasPrefix("--") ? argument.firstIndex(of: "=") : nil
            let name = equals.map { String(argument[..<$0]) } ?? argument
            let attached = equals.map { String(argument[argument.index(after: $0)...]) }
            switch (name, attached) {
            case ("--", nil):
                operands += rest
                return
            case ("-r", nil), ("--recursive", nil): isRecursive = true
            case ("--dry-run", nil): isDryRun = true
            case ("-h", nil), ("--help", nil): throw InvocationError(.helpRequested, Self.help(phase))
            case ("--version", nil): throw InvocationError(.versionRequested, phase.program)
            case ("--config", _):
                configurationPath = try Self.value(of: name, attached, &rest)
            case ("--type", _):
                let text = try Self.value(of: name, attached, &rest)
                types = ((types ?? []) + (try SnapshotType.ofOptions([text]))).withoutDuplicates
            case ("--deadline", _):
                let text = try Self.value(of: name, attached, &rest)
                guard let seconds = Duration(secondsText: text), seconds > .zero else {
                    throw InvocationError(
                        .badValue, "--deadline '\(printable(text))' is no number of seconds above 0; write such as 30")
                }
                deadline = seconds
            default:
                let hint = attached == nil ? "" : " or takes no value"
                throw InvocationError(
                    .badValue, "option '\(printable(argument))' is not known\(hint); see \(phase.program) --help")
            }
        }
    }

    private static func value(
        of name: String, _ attached: String?, _ rest: inout ArraySlice<String>
    ) throws(InvocationError) -> String {
        guard let value = attached ?? rest.popFirst(), !value.isEmpty else {
            throw InvocationError(.badValue, "\(name) needs a value; write \(name) VALUE")
        }
        return value
    }
}

extension Duration {
    /// Reads a number of seconds, whole or with decimals, of at most a year: anything longer is a slip.
    init?(secondsText text: String) {
        let plain = text.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") }
        guard plain, let seconds = Double(text), seconds <= 31_536_000 else { return nil }
        self = .seconds(seconds)
    }
}
