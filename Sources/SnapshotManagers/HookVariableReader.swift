internal import Support
internal import ZFS

/// The managers' variables, each checked as it is read.
struct HookVariableReader {
    /// A list of names this long is no list of names.
    private static let longestList = 4096
    private let values: [String: String]

    init(_ environment: [String: String]) { values = environment }

    /// The managers whose variables are set.
    var callers: [SnapshotManager] {
        var callers: [SnapshotManager] = []
        if isSet(.sanoidTarget) || isSet(.sanoidTargets) { callers.append(.sanoid) }
        if isSet(.zreplHookType) { callers.append(.zrepl) }
        if isSet(.znapName) { callers.append(.znapzend) }
        return callers
    }

    func isSet(_ variable: HookVariable) -> Bool { values[variable.rawValue] != nil }

    /// The value; nil where the variable is not set.
    func text(_ variable: HookVariable) throws(InvocationError) -> String? {
        guard let value = values[variable.rawValue] else { return nil }
        guard !value.isEmpty else { throw bad(variable, "is set but empty; set it or unset it") }
        guard value.utf8.count <= Self.longestList else {
            throw bad(
                variable,
                "has \(value.utf8.count) bytes and at most \(Self.longestList) make sense; "
                    + "check what calls the hook")
        }
        return value
    }

    /// The value of a variable that the caller always sets.
    func required(_ variable: HookVariable) throws(InvocationError) -> String {
        guard let value = try text(variable) else {
            throw bad(variable, "is not set beside the caller's other variables; set it")
        }
        return value
    }

    /// The parts of a comma list.
    func list(_ variable: HookVariable) throws(InvocationError) -> [String]? {
        guard let value = try text(variable) else { return nil }
        let parts = value.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard parts.allSatisfy({ !$0.isEmpty }) else {
            throw bad(variable, "has an empty name between its commas; remove it")
        }
        return parts
    }

    func dataset(_ text: String, from variable: HookVariable) throws(InvocationError) -> DatasetName {
        do {
            return try DatasetName(text)
        } catch {
            throw bad(variable, error.message, separator: ": ")
        }
    }

    /// A switch in one of the spellings that managers use; zrepl sets `ZREPL_DRYRUN` to nothing when it is no dry run.
    func flag(_ variable: HookVariable) throws(InvocationError) -> Bool {
        guard let value = values[variable.rawValue], !value.isEmpty else { return false }
        switch value.lowercased() {
        case "1", "true": return true
        case "0", "false": return false
        default: throw bad(variable, "is '\(printable(value))'; it must be 1, true, 0 or false")
        }
    }

    func bad(_ variable: HookVariable, _ what: String, separator: String = " ") -> InvocationError {
        InvocationError(.badValue, variable.rawValue + separator + what)
    }
}
