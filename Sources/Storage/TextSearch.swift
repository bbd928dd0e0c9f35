extension StringProtocol {
    /// Whether `words` occur in the text, byte by byte.
    ///
    /// The standard library's `contains` with a string is of its regular expressions, which would add 1.3 MB to a hook.
    public func has(_ words: String) -> Bool {
        let (text, sought) = (Array(utf8), Array(words.utf8))
        guard sought.count <= text.count else { return false }
        return (0...(text.count - sought.count)).contains { text[$0...].starts(with: sought) }
    }

    /// Without the blanks and tabs at both ends; by bytes, since each walk over characters costs a hook's start.
    public func trimmed() -> String {
        let isInk: (UInt8) -> Bool = { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }
        let bytes = Array(utf8)
        guard let first = bytes.firstIndex(where: isInk), let last = bytes.lastIndex(where: isInk) else { return "" }
        return String(decoding: bytes[first...last], as: UTF8.self)
    }
}
