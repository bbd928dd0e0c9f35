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

    var string: String { String(decoding: text, as: UTF8.self) }

    /// What a message may say of it: `url https://admin:secret@host` may be meant for a setting.
    var mentionable: String {
        guard text.contains(UInt8(ascii: "@")) else { return string }
        return String(decoding: text.prefix { !Self.isBlank($0) && $0 != UInt8(ascii: ":") }, as: UTF8.self) + " …"
    }

    var isHeader: Bool { text.first == UInt8(ascii: "[") }

    /// The text between the first `[` and a `]` at the end of the line, so that a pattern such as `db[0-9]` may be
    /// part of the name; nil where no `]` ends the line.
    var sectionName: String? {
        guard text.count >= 2, text.last == UInt8(ascii: "]") else { return nil }
        return String(decoding: Self.trim(text.dropFirst().dropLast()), as: UTF8.self)
    }

    private static func trim(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var bytes = bytes
        while let last = bytes.last, isBlank(last) { bytes.removeLast() }
        return bytes.drop(while: isBlank)
    }

    /// A comment begins with `;` or `#` after white space. inih knows the first only; doing both here keeps a
    /// comment from counting against the length of the line.
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
