/// State that cannot be read or written.
struct StateError: Error, Sendable, CustomStringConvertible {
    struct Code: Sendable, Hashable {
        let name: String
        /// The directory cannot be used.
        static let directory = Code(name: "directory")
        /// A state file is not whole.
        static let damaged = Code(name: "damaged")
        /// A state file was written by a newer Stillpoint.
        static let newerFormat = Code(name: "newer format")
        /// A state file could not be written.
        static let notWritten = Code(name: "not written")
    }

    let code: Code
    /// Says which file, what is wrong and how to mend it.
    let description: String
    let cause: (any Error)?
}
