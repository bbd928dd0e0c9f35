/// A JSON text in memory.
enum JSONValue: Sendable {
    case null
    case bool(Bool)
    case int(Int64)
    case real(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    /// How deep a text may be nested. Ours have eight levels; jansson would read 2048, each on the stack.
    static let deepest = 64

    var isNull: Bool {
        if case .null = self { true } else { false }
    }

    /// What it is, for a message.
    var kind: String {
        switch self {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .int: "an integer"
        case .real: "a real number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}
