import CINI

/// Feeds inih one line at a time.
///
/// Debian builds inih with 200-byte lines, 49-byte section names, no line numbers and no call for a new section. As
/// the reader hands over each line itself it knows the number, and it takes section headers out: inih gets a short
/// token instead, so a long name is not cut and an empty section is seen.
final class LineReader {
    private static let longestSectionName = 400

    private let path: String
    private let bytes: [UInt8]
    private var lines: ArraySlice<ArraySlice<UInt8>> = []
    private var lineNumber = 0
    private var sections: [INIFile.Section] = []
    private var error: INIError?

    init(bytes: [UInt8], path: String) {
        self.bytes = bytes
        self.path = path
    }

    /// Everything inih found.
    func run() throws(INIError) -> [INIFile.Section] {
        try checkEncoding()
        let start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        lines = bytes[start...].split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)[...]
        let pointer = Unmanaged.passUnretained(self).toOpaque()
        let status = withExtendedLifetime(self) { ini_parse_stream(nextLine, pointer, takeEntry, pointer) }
        if let error { throw error }
        if status != 0 {
            // Nothing that is handed over is known to make inih stumble; should it, the file is not to be trusted.
            throw INIError(.syntax, path: path, message: "is not in the form [section] and key = value")
        }
        return sections
    }

    /// The next line for inih, or nil at the end and at the first error.
    func next(capacity: Int) -> [UInt8]? {
        while error == nil, let raw = lines.popFirst() {
            lineNumber += 1
            let line = Line(raw)
            if line.text.isEmpty { continue }
            if line.isHeader {
                openSection(line)
                if error == nil { return Array("[#\(sections.count)]".utf8) }
            } else if let entry = checkedEntry(line, capacity: capacity) {
                return entry
            }
        }
        return nil
    }

    /// Takes an entry from inih, which calls while the line is still the current one.
    func take(key: String, value: String) {
        guard !key.isEmpty else { return fail("the key before the equals sign is missing; write key = value") }
        guard !sections.isEmpty else { return fail("\(excerpt(key)) stands before any [section]; move it into one") }
        sections[sections.count - 1].entries.append(.init(key: key, value: value, line: lineNumber))
    }

    private func openSection(_ line: Line) {
        guard let name = line.sectionName else {
            return fail("the section header has no closing bracket; write [name]")
        }
        if name.isEmpty { return fail("the section has no name; write [name]") }
        if name.count > Self.longestSectionName {
            return fail("the section's name is longer than \(Self.longestSectionName) characters")
        }
        sections.append(.init(name: name, line: lineNumber, entries: []))
    }

    private func checkedEntry(_ line: Line, capacity: Int) -> [UInt8]? {
        let text = line.text
        guard let equals = text.firstIndex(of: UInt8(ascii: "=")) else {
            fail("\(excerpt(line.mentionable)) has no equals sign; write key = value on one line")
            return nil
        }
        // inih would also split at a colon; sanoid.conf's dialect does not.
        if text[..<equals].contains(UInt8(ascii: ":")) {
            fail("a colon stands in the key; write key = value")
            return nil
        }
        if text.contains(where: { $0 < 0x20 && $0 != 0x09 || $0 == 0x7F }) {
            fail("the line has a control character; remove it")
            return nil
        }
        // The terminating zero and the line end that inih reserves room for.
        let room = capacity - 3
        guard text.count <= room else {
            fail("the line has \(text.count) bytes and at most \(room) fit; shorten it")
            return nil
        }
        return Array(text)
    }

    private func fail(_ message: String) {
        if error == nil { error = INIError(.syntax, path: path, line: lineNumber, message: message) }
    }

    private func checkEncoding() throws(INIError) {
        if let zero = bytes.firstIndex(of: 0) {
            throw INIError(
                .syntax, path: path, line: line(of: zero),
                message: "the file has a NUL byte; save it as plain text in UTF-8")
        }
        // Bytes of a line end never occur inside a UTF-8 sequence, so the lines can be checked one by one.
        var number = 0
        for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            guard String(validating: line, as: UTF8.self) == nil else { continue }
            throw INIError(.syntax, path: path, line: number, message: "the line is not UTF-8; save the file as UTF-8")
        }
    }

    private func line(of index: Int) -> Int {
        1 + bytes[..<index].count { $0 == UInt8(ascii: "\n") }
    }
}
