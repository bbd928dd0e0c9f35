package import RunState

/// A text that is no whole id stands for one that is made of it: `"1"` for `20200101T000000Z-000001`.
extension RunID: ExpressibleByStringLiteral {
    /// An id, or what one is made of.
    package init(stringLiteral text: String) {
        let digits = String(text.utf8.reduce(UInt32(0)) { ($0 &* 31 &+ UInt32($1)) & 0xff_ffff }, radix: 16)
        let word = text.utf8.count <= 6 && text.allSatisfy(\.isHexDigit) ? text : digits
        let made = "20200101T000000Z-" + String(repeating: "0", count: 6 - word.utf8.count) + word
        guard let id = RunID(text) ?? RunID(made) else { fatalError("\(text) makes no run's id") }
        self = id
    }
}

extension RunID {
    /// Of a run whose post-snapshot may still come; before those of the same second.
    package static let young = RunID(RunID.make().text.prefix(17) + "000000") ?? RunID.make()
}
