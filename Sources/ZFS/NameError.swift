/// Why a text is no name of a dataset or snapshot.
public struct NameError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The rule that was broken; more may be added.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The code's name, as shown in a description.
        public let description: String
        private init(_ description: String) { self.description = description }

        /// There is no text at all.
        public static let empty = Self("empty")
        /// The name has more than 255 bytes.
        public static let tooLong = Self("too long")
        /// A character is not allowed where it stands.
        public static let invalidCharacter = Self("invalid character")
        /// Nothing stands between two slashes, or before or after one.
        public static let emptyComponent = Self("empty component")
        /// A component is `.` or `..`.
        public static let dotComponent = Self("dot component")
        /// The pool's name does not begin with a letter.
        public static let noLetter = Self("no letter")
        /// A snapshot's name has no `@`.
        public static let noSnapshot = Self("no snapshot")
    }

    /// The rule that was broken.
    public let code: Code
    /// What is wrong and how to fix it, in one line.
    public let message: String

    /// Makes an error with a message that is fit to be shown.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }
}
