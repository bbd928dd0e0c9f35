internal import Support

/// One line of a file, without surrounding blanks and without its comment.
struct Line {
    let text: ArraySlice<UInt8>

    init(_ raw: ArraySlice<UInt8>) {
        let trimmed = Self.trim(raw)
        guard let first = trimmed.first, !Self.opensComment(first) else {
            text = []
            return
        }
        text = Self.trim(Self.withoutComment(trimmed))
    }

    /// What a message may say of it: the key, where more follows. `webhook_url https://host/secret` may be meant for a setting,
    /// and a word that stands alone may be the rest of one.
    var mentionable: String {
        let word = text.prefix { !Self.isBlank($0) && $0 != UInt8(ascii: ":") }
        let isAddress = text.dropFirst(word.count).starts(with: "://".utf8)
        return word.isEmpty || word.count == text.count || isAddress ? "the line" : Self.string(word) + " …"
    }

    var isHeader: Bool { text.first == UInt8(ascii: "[") }

    /// The text between the first `[` and a `]` at the end of the line, so that a pattern such as `db[0-9]` may be
    /// part of the name; nil where no `]` ends the line.
    var sectionName: String? {
        guard text.count >= 2, text.last == UInt8(ascii: "]") else { return nil }
        return Self.string(Self.trim(text.dropFirst().dropLast()))
    }

    /// A header as it was probably meant, for one that no `]` ends.
    var closedHeader: String {
        let inner = text.dropFirst().prefix { $0 != UInt8(ascii: "]") }
        let name = Self.string(Self.trim(inner))
        return name.isEmpty || text.contains(UInt8(ascii: "@")) || name.has("//")
            ? "[name]" : "[\(printable(name, limit: 60))] and nothing else on the line"
    }

    /// What stands before and behind the first equals sign; nil where there is none.
    var entry: (key: String, value: String)? {
        guard let equals = text.firstIndex(of: UInt8(ascii: "=")) else { return nil }
        return (Self.string(Self.trim(text[..<equals])), Self.string(Self.trim(text[(equals + 1)...])))
    }

    /// Whether it holds what a terminal obeys; a tab is a blank.
    var hasControlCharacter: Bool { text.contains { $0 < 0x20 && $0 != 0x09 || $0 == 0x7F } }

    private static func string(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }

    private static func trim(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var bytes = bytes
        while let last = bytes.last, isBlank(last) { bytes.removeLast() }
        return bytes.drop(while: isBlank)
    }

    /// A comment begins with `;` or `#` after white space.
    private static func withoutComment(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        for index in bytes.indices.dropFirst() where opensComment(bytes[index]) && isBlank(bytes[index - 1]) {
            return bytes[..<index]
        }
        return bytes
    }

    private static func opensComment(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: ";") || byte == UInt8(ascii: "#")
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0D
    }
}
