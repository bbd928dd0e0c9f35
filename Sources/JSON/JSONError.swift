internal import Support

/// Why a text is not the JSON of a value, or a value has none; with the place.
public struct JSONError: Error, Sendable, CustomStringConvertible {
    /// What kind of trouble it was; more may be added.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The code's name.
        public let description: String
        private init(_ description: String) { self.description = description }

        /// The text is not JSON; `line` and `column` say where.
        public static let syntax = Self("syntax")
        /// A value is of another type than is asked for; `path` says which, as in the three that follow.
        public static let mismatch = Self("mismatch")
        /// A value that is asked for is not there, or null.
        public static let missing = Self("missing")
        /// A value is of the right type and not accepted: too large a number, an unknown word.
        public static let invalid = Self("invalid")
        /// The text would cost more than is allowed: bytes, values, depth.
        public static let tooLarge = Self("too large")
        /// The value cannot be written as JSON.
        public static let unwritable = Self("unwritable")
    }

    /// What kind of trouble it was.
    public let code: Code
    /// What is wrong, in one line, without the place.
    public let message: String
    /// The line in the text, from 1; 0 where none is to blame.
    public let line: Int
    /// The character in the line, from 1; 0 where none is to blame.
    public let column: Int
    /// The value, as in `machines[0].hold.disks[1].base`; empty for the outermost one.
    public let path: String
    /// The error that a type threw while it was read or written.
    public let cause: (any Error)?

    init(_ code: Code, _ message: String, line: Int = 0, column: Int = 0) {
        self.code = code
        self.message = printable(message, limit: 400)
        self.line = line
        self.column = column
        self.path = ""
        self.cause = nil
    }

    init(_ code: Code, _ message: String, at path: [any CodingKey], cause: (any Error)? = nil) {
        self.code = code
        self.message = printable(message, limit: 400)
        self.line = 0
        self.column = 0
        self.path = text(of: path)
        self.cause = cause
    }

    /// The message behind the place.
    public var description: String {
        if line > 0 { return "line \(line), column \(column): \(message)" }
        return path.isEmpty ? message : "\(path): \(message)"
    }
}
