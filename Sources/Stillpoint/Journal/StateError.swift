/// State that cannot be read or written.
public struct StateError: Error, Sendable, CustomStringConvertible {
    public struct Code: Sendable, Hashable {
        let name: String
        /// The directory cannot be used.
        public static let directory = Code(name: "directory")
        /// A state file is not whole.
        public static let damaged = Code(name: "damaged")
        /// A state file was written by a newer Stillpoint.
        public static let newerFormat = Code(name: "newer format")
        /// A state file could not be written.
        public static let notWritten = Code(name: "not written")
    }

    public let code: Code
    /// Says which file, what is wrong and how to mend it.
    public let description: String
    public let cause: (any Error)?
}
