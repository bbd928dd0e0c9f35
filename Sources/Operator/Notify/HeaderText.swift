internal import Support

/// A mail's header values, as RFC 5322 and RFC 2047 have them: one line each, whatever is in them.
enum HeaderText {
    /// An encoded word has 75 characters at most, 12 of which are `=?UTF-8?Q?` and `?=`.
    private static let room = 75 - 12

    /// The value as it stands in a header; longer ones continue on lines that begin with a blank.
    static func encoded(_ text: String) -> String {
        let text = printable(text, limit: 1000)
        let isPlain = text.utf8.allSatisfy { $0 >= 32 && $0 < 127 } && !text.has("=?") && text.utf8.count <= 200
        if isPlain { return text }
        var words: [String] = []
        var word = ""
        for scalar in text.unicodeScalars {
            // A character is not divided between two words.
            let piece = String(scalar).utf8.map(quoted).joined()
            if word.utf8.count + piece.utf8.count > room {
                words.append(word)
                word = ""
            }
            word += piece
        }
        return (words + [word]).map { "=?UTF-8?Q?\($0)?=" }.joined(separator: "\n ")
    }

    private static func quoted(_ byte: UInt8) -> String {
        if byte == UInt8(ascii: " ") { return "_" }
        return byte.isLetterOrDigit ? String(UnicodeScalar(byte)) : escaped(byte)
    }

    /// `=0A`
    static func escaped(_ byte: UInt8) -> String {
        let digits = String(byte, radix: 16, uppercase: true)
        return "=" + (digits.utf8.count == 1 ? "0" : "") + digits
    }
}
