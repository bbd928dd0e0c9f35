/// `s` fit for a one-line message: control, format and line-separating characters are escaped, and what is longer
/// than `limit` characters ends in `…`.
///
/// Names come from the environment, from guests and from files that others wrote; unescaped they could forge log
/// lines or drive a terminal.
public func printable(_ s: String, limit: Int = 80) -> String {
    var result = ""
    var count = 0
    for character in s {
        if count >= limit { return result + "…" }
        count += 1
        for scalar in character.unicodeScalars {
            result += isPlain(scalar) ? String(scalar) : scalar.escaped(asASCII: true)
        }
    }
    return result
}

private func isPlain(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned: false
    default: true
    }
}
