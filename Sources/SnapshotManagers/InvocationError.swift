/// Why a hook cannot tell what it was called for, or that it was asked for help.
public struct InvocationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of trouble it was; more may be added.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The code's name, as shown in a description.
        public let description: String
        private init(_ description: String) { self.description = description }

        /// Neither arguments nor a manager's variables name a snapshot.
        public static let usage = Self("usage")
        /// An argument or a variable has a value that makes no sense.
        public static let badValue = Self("bad value")
        /// `--help` was given; the message is the help text.
        public static let helpRequested = Self("help requested")
        /// `--version` was given.
        public static let versionRequested = Self("version requested")
    }

    /// What kind of trouble it was.
    public let code: Code
    /// What is wrong and how to fix it, in one line; the help text, of several lines, for `helpRequested`.
    public let message: String

    /// Makes an error with a message that is fit to be shown.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }
}
