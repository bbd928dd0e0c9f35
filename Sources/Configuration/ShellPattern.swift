internal import Support

/// What a pattern of fnmatch(3) is made of.
struct ShellPattern {
    /// Whether it has a `*`, a `?` or a `[…]`.
    private(set) var hasWildcard = false
    /// Why it cannot be meant so, behind `[vm PATTERN] `; nil: it can.
    private(set) var fault: String?

    init(_ text: String) {
        var rest = Array(text.unicodeScalars)[...]
        while let sign = rest.popFirst() {
            switch sign {
            case "\\":
                guard rest.popFirst() == nil else { continue }
                fault = "ends in a backslash, so it matches no VM; for a backslash itself write two"
            case "*", "?": hasWildcard = true
            case "[":
                hasWildcard = true
                guard !Self.takeSet(&rest) else { continue }
                // fnmatch takes it for the character.
                fault =
                    "has a bracket that is not closed; write [vm \(printable(text))]], or for the character [ itself: [[]"
                return
            default: break
            }
        }
    }

    /// Takes the rest of a `[…]`; a `]` right behind its beginning is a member, and so are those of `[:alpha:]`.
    /// - Returns: whether it has an end.
    private static func takeSet(_ rest: inout ArraySlice<Unicode.Scalar>) -> Bool {
        if rest.first == "!" || rest.first == "^" { rest.removeFirst() }
        var isFirst = true
        while let sign = rest.popFirst() {
            if sign == "]", !isFirst { return true }
            isFirst = false
            if sign == "\\" { _ = rest.popFirst() }
            if sign == "[", let kind = rest.first, [":", ".", "="].contains(kind) { takeClass(kind, &rest) }
        }
        return false
    }

    /// Takes the rest of a `[:alpha:]` where it is one.
    private static func takeClass(_ kind: Unicode.Scalar, _ rest: inout ArraySlice<Unicode.Scalar>) {
        let end = rest.indices.dropFirst(2).first { rest[$0] == "]" && rest[$0 - 1] == kind }
        if let end { rest = rest[(end + 1)...] }
    }
}
