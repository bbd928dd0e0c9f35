extension StringProtocol {
    /// Whether `words` occur in the text, byte by byte.
    ///
    /// The standard library's `contains` with a string is of its regular expressions, which would add 1.3 MB to a hook.
    public func has(_ words: String) -> Bool {
        let (text, sought) = (Array(utf8), Array(words.utf8))
        guard sought.count <= text.count else { return false }
        return (0...(text.count - sought.count)).contains { text[$0...].starts(with: sought) }
    }
}
