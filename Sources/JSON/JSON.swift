public import Bounds

/// Codable values as JSON text, written and read by jansson.
///
/// Foundation does this too, for 4 MB in every program.
public enum JSON {
    /// A value as text: UTF-8, indented by two, keys sorted, no newline at the end.
    ///
    /// Equal values give equal text, but for a Set or a Dictionary that is written as an array: these have no order.
    /// - Throws: ``JSONError`` with the code `unwritable`.
    public static func encode(_ value: some Encodable) throws(JSONError) -> [UInt8] {
        let slot = EncodingNode()
        do {
            try ValueEncoder(slot: slot, codingPath: []).encode(value)
        } catch {
            throw JSONError(encoding: error)
        }
        return try text(of: slot.value(at: []))
    }

    /// The value that a text stands for.
    ///
    /// A key that stands twice in an object is refused, as is an integer that needs more than 64 bits with sign.
    /// - Throws: ``JSONError``; where the type itself refuses a value, its error is the cause.
    public static func decode<Value: Decodable>(
        _ type: Value.Type, from bytes: [UInt8], within budget: Budget = .json
    ) throws(JSONError) -> Value {
        try JSONText(bytes, within: budget).decode(type)
    }
}

extension Budget {
    /// 16 MiB of JSON with half a million values, which take some hundred megabytes while they are read.
    public static let json = Budget(bytes: 16 << 20, nodes: 500_000, depth: JSONValue.deepest)
}
