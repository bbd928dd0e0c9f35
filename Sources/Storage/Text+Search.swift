extension String {
    /// Whether the text has that part, byte for byte.
    ///
    /// Swift's own `contains` for strings would link the regular expression engine: 1.2 MB in every hook.
    public func includes(_ part: String) -> Bool {
        let (whole, wanted) = (Array(utf8), Array(part.utf8))
        guard wanted.count <= whole.count else { return false }
        return (0...(whole.count - wanted.count)).contains { whole[$0..<($0 + wanted.count)].elementsEqual(wanted) }
    }
}
