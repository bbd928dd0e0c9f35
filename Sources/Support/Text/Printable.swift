/// `s` fit for a one-line message: what a terminal does not show as itself is escaped, and what is longer than `limit`
/// characters, or than four bytes for each of them, ends in `…`.
///
/// Names come from the environment, from other machines and from files that others wrote; unescaped they could forge log
/// lines or drive a terminal. One character may be thousands of accents, so bytes are counted too.
public func printable(_ s: String, limit: Int = 80) -> String {
    // Most are plain, and a listing has hundred thousands of them.
    if s.utf8.count <= limit, s.utf8.allSatisfy({ 0x20..<0x7F ~= $0 }) { return s }
    var result = ""
    var bytes = 0
    var count = 0
    // Scalars first: to find the end of one character that has no end would be to read it all.
    var marks = 0
    for scalar in s.unicodeScalars {
        let isMark = scalar.properties.isGraphemeExtend
        marks = isMark ? marks + 1 : 0
        // More than a few of them cover the lines above and below.
        let isShown = scalar.isShownAsItself && marks <= longestPile
        let text = isShown ? String(scalar) : scalar.escaped(asASCII: true)
        if !isMark { count += 1 }
        bytes += text.utf8.count
        guard count <= limit, bytes <= 4 * limit else { return result + "…" }
        result += text
    }
    return result
}

/// Accents on one letter: Vietnamese has two, Hebrew with cantillation four.
private let longestPile = 4

/// `s` as it is written in a command for a POSIX shell: a plain word as it is, else in quotes, so that a name from outside that
/// is copied with the command stays one word of it.
///
/// What a terminal does not show as itself needs a shell with `$'…'` (bash, ksh, zsh, and POSIX since 2024). Nothing is left out, as the command would be another one then.
public func shellQuoted(_ s: String) -> String {
    if !s.isEmpty, s.utf8.allSatisfy({ $0.isLetterOrDigit || plainMarks.contains($0) }) { return s }
    let isShown = s.unicodeScalars.allSatisfy(\.isShownAlone)
    // By scalars: a quote and the letter beside it may be one character.
    if isShown { return "'" + s.unicodeScalars.map { $0 == "'" ? #"'\''"# : String($0) }.joined() + "'" }
    var result = "$'"
    for scalar in s.unicodeScalars {
        if scalar == "'" || scalar == "\\" {
            result += "\\\(scalar)"
        } else if scalar.isShownAlone {
            result.unicodeScalars.append(scalar)
        } else {
            // Bytes, three octal digits each: what `\u` means depends on the locale.
            for byte in String(scalar).utf8 { result += "\\" + octal(byte) }
        }
    }
    return result + "'"
}

/// What no shell takes for more than itself.
private let plainMarks = Set("_@%+=:,./-".utf8)

private func octal(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 8)
    return String(repeating: "0", count: 3 - digits.count) + digits
}

extension Unicode.Scalar {
    /// Also where a pile of accents is shown as something else.
    fileprivate var isShownAlone: Bool { isShownAsItself && !properties.isGraphemeExtend }

    /// Neither controls the terminal nor the direction of the text, is visible, and looks like no other blank.
    fileprivate var isShownAsItself: Bool {
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned, .privateUse: false
        case .spaceSeparator: self == " "
        default: !properties.isDefaultIgnorableCodePoint
        }
    }
}
