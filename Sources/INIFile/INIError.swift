internal import Support

/// Why a configuration file could not be read, with its place: file and line.
public struct INIError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of trouble it was; more may be added.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The code's name, as shown in a description.
        public let description: String
        private init(_ description: String) { self.description = description }

        /// The file exists but cannot be read.
        public static let unreadable = Self("unreadable")
        /// There is no such file.
        public static let missing = Self("missing")
        /// The text is not in the expected form.
        public static let syntax = Self("syntax")
    }

    /// What kind of trouble it was.
    public let code: Code
    /// The file as the caller named it.
    public let path: String
    /// The line, counted from 1; 0 where the trouble is with the whole file.
    public let line: Int
    /// What is wrong and how to fix it, in one line.
    public let message: String

    /// Makes an error that points at one line of a file.
    public init(_ code: Code, path: String, line: Int = 0, message: String) {
        self.code = code
        self.path = path
        self.line = line
        self.message = message
    }

    /// `FILE:LINE: message`, or `FILE: message` where no one line is to blame.
    public var description: String {
        line > 0 ? "\(printable(path, limit: 4096)):\(line): \(message)" : "\(printable(path, limit: 4096)): \(message)"
    }
}
