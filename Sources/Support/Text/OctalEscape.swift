extension ArraySlice<UInt8> {
    /// Takes the three octal digits that follow a backslash in proc(5) and exports(5), and gives the byte that they mean;
    /// nil, and nothing is taken, where there are none.
    package mutating func popOctalEscape() -> UInt8? {
        guard count >= 3, let value = UInt8(String(decoding: prefix(3), as: UTF8.self), radix: 8) else { return nil }
        removeFirst(3)
        return value
    }
}
