/// A configuration that cannot be used; nothing has been touched.
package struct ConfigurationError: Error, Sendable, CustomStringConvertible {
    struct Code: Sendable, Hashable {
        let name: String
        /// The file cannot be read, or is not in the configuration's dialect.
        static let unreadable = Code(name: "unreadable")
        static let unknownSection = Code(name: "unknown section")
        static let unknownKey = Code(name: "unknown key")
        static let badValue = Code(name: "bad value")
        static let duplicate = Code(name: "duplicate")
    }

    let code: Code
    /// Says file, line, what is wrong and how to fix it.
    package let description: String
    let cause: (any Error)?

    init(_ code: Code, _ message: String, at place: (file: String, line: Int)? = nil, cause: (any Error)? = nil) {
        self.code = code
        self.description = place.map { "\($0.file):\($0.line): \(message)" } ?? message
        self.cause = cause
    }
}
