internal import Glibc
internal import Support

/// What Perl makes of a text where sanoid uses one.
enum PerlText {
    /// The number that a text begins with, 0 where it begins with none.
    static func number(_ text: String) -> Double {
        // strtod alone would also read hexadecimal digits, `inf` and `nan`.
        let plain = text.prefix { "0123456789.eE+-".contains($0) }
        return strtod(String(plain), nil)
    }

    /// The seconds that `if ($timeout gt 0) { alarm $timeout }` sets an alarm for; nil: none.
    static func alarm(_ text: String) -> Int? {
        // A comparison of texts: "-1", "+5" and "" come before "0".
        guard Array("0".utf8).lexicographicallyPrecedes(Array(text.utf8)) else { return nil }
        let number = number(text)
        // pp_alarm takes an int of it and refuses one below 0.
        let seconds = Int(Int32(truncatingIfNeeded: number >= 0x1p63 ? Int.max : Int(number)))
        return seconds > 0 ? seconds : nil
    }

    /// `grep(/^$text$/, @words)`: sanoid takes the text for a regular expression.
    ///
    /// A long one is no word. glibc's regcomp(3) copies what is repeated: 200 stars in each other take 1.6 GB and 36 s,
    /// `{n}` multiplies, and 60 000 parentheses end the process.
    static func isOne(_ text: String, of words: [String]) -> Bool {
        if words.contains(text) { return true }
        guard text.utf8.contains(where: { !$0.isLetterOrDigit }) else { return false }
        guard text.utf8.count <= 32, !text.utf8.contains(UInt8(ascii: "{")) else { return false }
        var expression = regex_t()
        guard regcomp(&expression, "^\(text)$", REG_EXTENDED | REG_NOSUB) == 0 else { return false }
        defer { regfree(&expression) }
        return words.contains { regexec(&expression, $0, 0, nil, 0) == 0 }
    }
}
