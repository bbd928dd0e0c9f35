/// A configuration file in sanoid.conf's dialect: sections, `key = value`, `#` and `;` comments.
///
/// Sections and entries keep their order and their line numbers, and nothing is merged, so that a caller can report
/// a duplicate or an unknown name with the place where it stands.
public struct INIFile: Sendable, Equatable {
    /// One `[name]` and the entries below it.
    public struct Section: Sendable, Equatable {
        /// The text between the brackets, without surrounding blanks.
        public let name: String
        /// The line of the header, counted from 1.
        public let line: Int
        /// The entries in the file's order.
        public internal(set) var entries: [Entry]

        /// Takes a section's parts.
        public init(name: String, line: Int, entries: [Entry] = []) {
            self.name = name
            self.line = line
            self.entries = entries
        }
    }

    /// One `key = value`.
    public struct Entry: Sendable, Equatable {
        /// The text before the equals sign, as written.
        public let key: String
        /// The text after it, without surrounding blanks and comment.
        public let value: String
        /// The line it stands on, counted from 1.
        public let line: Int

        /// Takes an entry's parts.
        public init(key: String, value: String, line: Int) {
            self.key = key
            self.value = value
            self.line = line
        }
    }

    /// The file as the caller named it.
    public let path: String
    /// The sections in the file's order; one that is opened twice is listed twice.
    public let sections: [Section]

    /// Reads a configuration file; a byte order mark and CRLF line ends are accepted.
    ///
    /// - Throws: ``INIError``: `missing`, `unreadable`, or `syntax` for the first line that is wrong.
    public static func read(path: String) throws(INIError) -> INIFile {
        try parse(bytes: contents(of: path), path: path)
    }

    /// As ``read(path:)``, but a line that is wrong is left out, and what stands below a header that is wrong is in a section
    /// without a name.
    /// - Throws: ``INIError``: `missing` or `unreadable`.
    public static func salvage(path: String) throws(INIError) -> INIFile {
        try parse(bytes: contents(of: path), path: path, skippingWrongLines: true)
    }

    static func parse(bytes: [UInt8], path: String, skippingWrongLines: Bool = false) throws(INIError) -> INIFile {
        try checkCost(of: bytes, path: path)
        var parser = Parser(path: path, skipsWrongLines: skippingWrongLines)
        try parser.read(bytes)
        return INIFile(path: path, sections: parser.sections)
    }
}
