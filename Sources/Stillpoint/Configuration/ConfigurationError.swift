/// A configuration that cannot be used; nothing has been touched.
public struct ConfigurationError: Error, Sendable, CustomStringConvertible {
    public struct Code: Sendable, Hashable {
        let name: String
        /// The file cannot be read, or is not in the configuration's dialect.
        public static let unreadable = Code(name: "unreadable")
        public static let unknownSection = Code(name: "unknown section")
        public static let unknownKey = Code(name: "unknown key")
        public static let badValue = Code(name: "bad value")
        public static let duplicate = Code(name: "duplicate")
    }

    public let code: Code
    /// Says file, line, what is wrong and how to mend it.
    public let description: String
    public let cause: (any Error)?

    init(_ code: Code, _ message: String, at place: (file: String, line: Int)? = nil, cause: (any Error)? = nil) {
        self.code = code
        self.description = place.map { "\($0.file):\($0.line): \(message)" } ?? message
        self.cause = cause
    }
}
