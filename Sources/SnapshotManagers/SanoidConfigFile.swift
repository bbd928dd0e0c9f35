/// A file of sanoid's as Perl's Config::IniFiles 3.0 reads it when nothing but `-file` is given, which is how sanoid
/// reads it (`ReadConfig` and `_ReadConfig_handle_line` there).
///
/// Not the dialect of our own configuration: a comment begins a line and never stands behind a value, blanks at a
/// value's end belong to it, a key that stands twice has both values, and sections of one name are one section.
struct SanoidConfigFile: Sendable {
    /// The values of one section by their keys.
    typealias Settings = [String: SanoidValue]

    /// The sections in the order of their first headers.
    private(set) var names: [String] = []
    private(set) var sections: [String: Settings] = [:]

    /// Lines that Config::IniFiles refuses are passed over: sanoid refuses the whole file for them and calls no hook.
    init(bytes: [UInt8]) {
        var lines = Self.lines(of: bytes[...])[...]
        var section: String?
        while let line = lines.popFirst() {
            let text = line.trimmed
            guard let first = text.first, first != UInt8(ascii: "#"), first != UInt8(ascii: ";") else { continue }
            if let name = Self.sectionName(text) {
                section = name
                if sections[name] == nil {
                    names.append(name)
                    sections[name] = [:]
                }
            } else if let section, let equals = line.firstIndex(of: UInt8(ascii: "=")) {
                let key = line[..<equals].trimmed
                let value = Self.values(line[(equals + 1)...].drop(while: \.isPerlSpace), &lines)
                if !key.isEmpty { add(value, to: String(decoding: key, as: UTF8.self), in: section) }
            }
        }
    }

    /// Whether every version of sanoid has the same of it: they differ in keys that stand twice and in blanks behind
    /// values.
    var isReadAlike: Bool {
        sections.values.allSatisfy {
            $0.values.allSatisfy { $0.text.map { !($0.utf8.last?.isPerlSpace ?? false) } ?? false }
        }
    }

    /// The same without the keys that decide nothing here: a file has dozens of keys a section.
    func reduced(to keys: Set<String>) -> SanoidConfigFile {
        var file = self
        file.sections = sections.mapValues { $0.filter { keys.contains($0.key) } }
        return file
    }

    private mutating func add(_ values: [String], to key: String, in section: String) {
        let known = sections[section]?[key]
        // Its `push` gives up where the key is there without a value.
        if known == .undefined { return }
        sections[section]?[key] = SanoidValue((known?.all ?? []) + values)
    }

    /// The lines without their ends. How the first one ends decides where the others do: a lone `\n` in a file of
    /// `\r\n` ends nothing.
    private static func lines(of bytes: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
        let isReturn = { (byte: UInt8) in byte == UInt8(ascii: "\r") }
        guard let end = bytes.firstIndex(where: { isReturn($0) || $0 == UInt8(ascii: "\n") }) else { return [] }
        guard isReturn(bytes[end]) else {
            return bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { line in
                line.last.map(isReturn) == true ? line.dropLast() : line
            }
        }
        guard bytes.indices.contains(end + 1), bytes[end + 1] == UInt8(ascii: "\n") else {
            return bytes.split(separator: UInt8(ascii: "\r"), omittingEmptySubsequences: false)
        }
        var lines: [ArraySlice<UInt8>] = []
        var start = bytes.startIndex
        for index in bytes.indices.dropFirst() where bytes[index] == UInt8(ascii: "\n") && isReturn(bytes[index - 1]) {
            lines.append(bytes[start..<(index - 1)])
            start = index + 1
        }
        return lines + [bytes[start...]]
    }

    /// What stands between the first bracket and one that ends the line; nil for a line that is no header.
    private static func sectionName(_ line: ArraySlice<UInt8>) -> String? {
        guard line.count > 2, line.first == UInt8(ascii: "["), line.last == UInt8(ascii: "]") else { return nil }
        let name = line.dropFirst().dropLast().trimmed
        return name.isEmpty ? nil : String(decoding: name, as: UTF8.self)
    }

    /// One value, or the lines up to the mark that `<<MARK` names.
    private static func values(
        _ value: ArraySlice<UInt8>, _ lines: inout ArraySlice<ArraySlice<UInt8>>
    ) -> [String] {
        guard value.starts(with: Array("<<".utf8)) else { return [String(decoding: value, as: UTF8.self)] }
        let mark = value.dropFirst(2)
        var values: [String] = []
        while let line = lines.popFirst(), !line.elementsEqual(mark) {
            values.append(String(decoding: line, as: UTF8.self))
        }
        return values
    }
}

/// What a key has in a file of sanoid's.
enum SanoidValue: Sendable, Equatable {
    /// The key is there, with a here document of no lines.
    case undefined
    case one(String)
    /// A key that stands several times, or a here document: Perl has a reference to an array.
    case several([String])

    init(_ values: [String]) {
        switch values.count {
        case 0: self = .undefined
        case 1: self = .one(values[0])
        default: self = .several(values)
        }
    }

    var all: [String] {
        switch self {
        case .undefined: []
        case .one(let text): [text]
        case .several(let texts): texts
        }
    }

    /// Nil also for several: as a text these are `ARRAY(0x55d0c0ffee00)`, which is no word and no sensible number.
    var text: String? {
        if case .one(let text) = self { text } else { nil }
    }
}

extension UInt8 {
    /// Perl's `\s` on bytes.
    var isPerlSpace: Bool { self == 0x20 || (0x09...0x0D).contains(self) }
}

extension ArraySlice<UInt8> {
    fileprivate var trimmed: ArraySlice<UInt8> {
        var bytes = drop(while: \.isPerlSpace)
        while let last = bytes.last, last.isPerlSpace { bytes.removeLast() }
        return bytes
    }
}
