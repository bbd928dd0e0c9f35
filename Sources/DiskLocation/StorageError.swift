public import SystemPackage

/// Why a path or a device could not be followed to its dataset.
public struct StorageError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of trouble it was; more may be added.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The code's name, as shown in a description.
        public let description: String
        private init(_ description: String) { self.description = description }

        /// There is no such file, and no such folder either.
        public static let notFound = Self("not found")
        /// Something that exists could not be read.
        public static let unreadable = Self("unreadable")
        /// The text is no absolute path.
        public static let badPath = Self("bad path")
        /// An image's header contradicts itself.
        public static let badImage = Self("bad image")
        /// An image ends before its header or its tables do.
        public static let cutOff = Self("cut off")
        /// An image is not of the format that it was said to have.
        public static let otherFormat = Self("other format")
    }

    /// What kind of trouble it was.
    public let code: Code
    /// What is wrong and how to fix it, in one line.
    public let message: String
    /// The system's own word, where a system call failed.
    public let cause: Errno?

    /// Makes an error with a message that is fit to be shown.
    public init(_ code: Code, _ message: String, cause: Errno? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    /// The message, with the system's own word.
    public var description: String { cause.map { "\(message) (\($0))" } ?? message }
}
