extension StringProtocol {
    /// Whether `words` occur in the text, byte by byte.
    ///
    /// The standard library's `contains` with a string is of its regular expressions, which would add 1.3 MB to a program.
    public func has(_ words: String) -> Bool {
        let (text, sought) = (Array(utf8), Array(words.utf8))
        guard sought.count <= text.count else { return false }
        return (0...(text.count - sought.count)).contains { text[$0...].starts(with: sought) }
    }

    /// With `other` in each place where `words` occur; by bytes, for the same reason.
    package func putting(_ other: String, for words: String) -> String {
        let (text, sought) = (Array(utf8), Array(words.utf8))
        guard !sought.isEmpty else { return String(self) }
        var (result, place): ([UInt8], Int) = ([], 0)
        while place < text.count {
            if text[place...].starts(with: sought) {
                result += other.utf8
                place += sought.count
            } else {
                result.append(text[place])
                place += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// Without the blanks and tabs at both ends; by bytes, since each walk over characters costs a start.
    public func trimmed() -> String {
        let isInk: (UInt8) -> Bool = { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }
        let bytes = Array(utf8)
        guard let first = bytes.firstIndex(where: isInk), let last = bytes.lastIndex(where: isInk) else { return "" }
        return String(decoding: bytes[first...last], as: UTF8.self)
    }
}
