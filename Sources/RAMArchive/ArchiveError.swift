/// Why a dump could not be packed, unpacked or verified.
public struct ArchiveError: Error, Sendable, CustomStringConvertible {
    /// What kind of trouble it was; open, so that a caller can add its own.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        /// The code in words.
        public let description: String
        /// A code of a caller's own.
        public init(_ description: String) { self.description = description }

        /// The file to read is not there.
        public static let missing = Code("missing")
        /// The file system, a quota or the largest file size has no room for what is to be written.
        public static let full = Code("full")
        /// The archive is not what its side-car says.
        public static let damaged = Code("damaged")
        /// A file or its folder cannot be written.
        public static let unwritable = Code("unwritable")
        /// A file cannot be read, or changed while it was.
        public static let unreadable = Code("unreadable")
        /// Something that must not be overwritten is in the way.
        public static let exists = Code("exists")
        /// The system has no memory to give.
        public static let noMemory = Code("no memory")
    }

    /// What kind of trouble it was.
    public let code: Code
    /// What is wrong and how to fix it, in one line.
    public let message: String
    /// The failure below, if there was one.
    public let cause: (any Error)?

    /// An error with these parts.
    public init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    /// The message, and the cause behind it.
    public var description: String {
        guard let cause else { return message }
        return "\(message): \(cause)"
    }
}
