public import Bounds

/// A JSON text that was read once, to be taken for values of one or more types.
public struct JSONText: Sendable {
    private let value: JSONValue

    /// Reads a text; see ``JSON/decode(_:from:within:)``.
    /// - Throws: ``JSONError``: `syntax`, or `tooLarge` before anything is built of it.
    public init(_ bytes: [UInt8], within budget: Budget = .json) throws(JSONError) {
        value = try JSONValue(parsing: bytes, within: budget)
    }

    /// The value of that type that the text stands for.
    /// - Throws: ``JSONError``; where the type itself refuses a value, its error is the cause.
    public func decode<Value: Decodable>(_ type: Value.Type) throws(JSONError) -> Value {
        do {
            return try ValueDecoder(value: value, codingPath: []).decode(type)
        } catch {
            throw JSONError(decoding: error)
        }
    }

    /// Whether a text could be read within the budget, as far as its size tells.
    /// - Throws: ``JSONError`` `tooLarge`.
    public static func check(_ bytes: [UInt8], within budget: Budget) throws(JSONError) {
        try checkCost(of: bytes, within: budget)
    }
}
