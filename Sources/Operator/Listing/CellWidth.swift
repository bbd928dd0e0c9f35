/// How many cells of a terminal a text takes: two for a wide letter (East Asian Width W and F, emoji), none for a mark on
/// the letter before it. Not wcwidth(3), which knows what the locale says, and hooks and cron have none.
func cellWidth(_ text: String) -> Int {
    var text = text
    let isPlain = text.withUTF8 { bytes in bytes.allSatisfy { 0x20..<0x7F ~= $0 } }
    return isPlain ? text.utf8.count : text.unicodeScalars.reduce(0) { $0 + cells($1) }
}

/// What fits into so many cells, with `…` for what is left out.
func shortened(_ text: String, to width: Int, keeping kept: Table.Column.Kept) -> String {
    guard cellWidth(text) > width else { return text }
    guard width > 0 else { return "" }
    if kept == .time, width >= 12, let short = shortTime(text) { return short }
    // A letter and its marks stay together.
    let letters = text.map { String($0) }
    var taken: [String] = []
    var used = 1
    for letter in kept == .end ? letters.reversed() : letters {
        let cells = cellWidth(letter)
        guard used + cells <= width else { break }
        used += cells
        taken.append(letter)
    }
    return kept == .end ? "…" + taken.reversed().joined() : taken.joined() + "…"
}

/// `11-21 11:00Z`, of `2026-11-21 11:00:00Z`; nil where it is no such time.
private func shortTime(_ text: String) -> String? {
    let bytes = Array(text.utf8)
    guard bytes.count == 20, bytes[4] == UInt8(ascii: "-"), bytes[10] == UInt8(ascii: " "),
        bytes[19] == UInt8(ascii: "Z")
    else { return nil }
    return String(decoding: bytes[5..<16], as: UTF8.self) + "Z"
}

/// A line in several, none wider than that, each further one as far to the right as the first and two more; a word that is
/// wider stays whole.
func wrapped(_ line: String, to width: Int?) -> String {
    guard let width, cellWidth(line) > width else { return line }
    let indent = String(line.prefix { $0 == " " })
    guard cellWidth(indent) + 12 < width else { return line }
    var (lines, current) = ([String](), "")
    for word in line.split(separator: " ") {
        let start = current.isEmpty ? lines.isEmpty ? indent : indent + "  " : current + " "
        if !current.isEmpty, cellWidth(start) + cellWidth(String(word)) > width {
            lines.append(current)
            current = indent + "  " + word
        } else {
            current = start + word
        }
    }
    return (lines + [current]).joined(separator: "\n")
}

private func cells(_ scalar: Unicode.Scalar) -> Int {
    let value = scalar.value
    if value < 0x300 { return value < 0x20 || 0x7F..<0xA0 ~= value || value == 0xAD ? 0 : 1 }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format, .control, .lineSeparator, .paragraphSeparator: return 0
    default: break
    }
    // The second and third part of a Korean syllable stand in the cells of the first.
    if 0x1160...0x11FF ~= value { return 0 }
    if scalar.properties.isEmojiPresentation { return 0x1F1E6...0x1F1FF ~= value ? 1 : 2 }
    return wide.contains { $0 ~= value } ? 2 : 1
}

/// EastAsianWidth.txt of Unicode, W and F, in blocks; what is not assigned in them is escaped before (`printable`).
private let wide: [ClosedRange<UInt32>] = [
    0x1100...0x115F, 0x2329...0x232A, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF,
    0xA000...0xA4CF, 0xA960...0xA97C, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE10...0xFE19, 0xFE30...0xFE6B,
    0xFF01...0xFF60, 0xFFE0...0xFFE6, 0x16FE0...0x18DFF, 0x1AFF0...0x1B2FB, 0x1F200...0x1F265, 0x1F300...0x1F320,
    0x20000...0x2FFFD, 0x30000...0x3FFFD,
]
