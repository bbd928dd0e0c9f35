/// What a budget had too little of.
public struct BudgetError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What there was too little of; more may be added.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The code's name.
        public let description: String
        private init(_ description: String) { self.description = description }

        /// It is too long.
        public static let bytes = Self("bytes")
        /// It has too many parts.
        public static let nodes = Self("nodes")
        /// It is nested too deeply.
        public static let depth = Self("depth")
        /// It comes in too many pages.
        public static let pages = Self("pages")
    }

    /// What there was too little of.
    public let code: Code
    /// What it is, as the end of a sentence about it: `it has more than 500 parts`.
    public let message: String

    /// The message.
    public var description: String { message }

    static func bytes(_ limit: Int) -> Self { Self(code: .bytes, message: "it has more than \(limit) bytes") }
    static func nodes(_ limit: Int) -> Self { Self(code: .nodes, message: "it has more than \(limit) parts") }
    static func depth(_ limit: Int) -> Self { Self(code: .depth, message: "it is nested more than \(limit) deep") }
    static func pages(_ limit: Int) -> Self { Self(code: .pages, message: "it has more than \(limit) pages") }
}
