internal import Support

/// Reads a configuration text line by line, up to the first line that is wrong, or without those that are.
struct Parser {
    private static let longestSectionName = 400

    private let path: String
    private let skipsWrongLines: Bool
    private var lineNumber = 0
    private(set) var sections: [INIFile.Section] = []

    init(path: String, skipsWrongLines: Bool) {
        self.path = path
        self.skipsWrongLines = skipsWrongLines
    }

    mutating func read(_ bytes: [UInt8]) throws(INIError) {
        let start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        // The byte of a line end never occurs inside a UTF-8 sequence.
        for raw in bytes[start...].split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            lineNumber += 1
            do throws(INIError) {
                try read(line: raw)
            } catch {
                guard skipsWrongLines else { throw error }
                if Line(raw).isHeader { sections.append(.init(name: "", line: lineNumber)) }
            }
        }
    }

    private mutating func read(line raw: ArraySlice<UInt8>) throws(INIError) {
        try checkEncoding(raw)
        let line = Line(raw)
        if line.text.isEmpty { return }
        if line.isHeader { try openSection(line) } else { try addEntry(line) }
    }

    private func checkEncoding(_ raw: ArraySlice<UInt8>) throws(INIError) {
        if raw.contains(0) { throw wrong("the file has a NUL byte; save it as plain text in UTF-8") }
        if String(validating: raw, as: UTF8.self) == nil {
            throw wrong("the line is not UTF-8; save the file as UTF-8")
        }
    }

    private mutating func openSection(_ line: Line) throws(INIError) {
        guard let name = line.sectionName else {
            throw wrong("the section header has no closing bracket at its end; write \(line.closedHeader)")
        }
        if name.isEmpty { throw wrong("the section has no name; write [name]") }
        if name.count > Self.longestSectionName {
            throw wrong("the section's name is longer than \(Self.longestSectionName) characters")
        }
        sections.append(.init(name: name, line: lineNumber))
    }

    private mutating func addEntry(_ line: Line) throws(INIError) {
        guard let entry = line.entry else {
            throw wrong("\(printable(line.mentionable, limit: 60)) has no equals sign; write key = value on one line")
        }
        if entry.key.utf8.contains(UInt8(ascii: ":")) { throw wrong("a colon stands in the key; write key = value") }
        if line.hasControlCharacter { throw wrong("the line has a control character; remove it") }
        if entry.key.isEmpty { throw wrong("the key before the equals sign is missing; write key = value") }
        if sections.isEmpty {
            throw wrong("\(printable(entry.key, limit: 60)) stands before any [section]; move it into one")
        }
        sections[sections.count - 1].entries.append(.init(key: entry.key, value: entry.value, line: lineNumber))
    }

    private func wrong(_ message: String) -> INIError {
        INIError(.syntax, path: path, line: lineNumber, message: message)
    }
}
