public import Bounds
internal import CJansson

/// A value in a text that is being read, for files of which thousands are read at once: nothing is copied but what is asked for.
///
/// `Decodable` says more exactly what is wrong with a text, and takes ten times as long.
public struct JSONReading {
    private let value: UnsafeMutablePointer<json_t>

    private init(_ value: UnsafeMutablePointer<json_t>) { self.value = value }

    /// Reads a text; the values in it are there for as long as `body` runs.
    /// - Throws: ``JSONError``: `syntax`, or `tooLarge` before anything is built of it.
    public static func read<Result>(
        _ bytes: [UInt8], within budget: Budget = .json, _ body: (JSONReading) -> Result
    ) throws(JSONError) -> Result {
        let owner = try JanssonValue(parsing: bytes, within: budget)
        let result = body(JSONReading(owner.pointer))
        _ = owner.pointer
        return result
    }

    /// A member of an object; nil where there is none, where it is `null`, and where this is no object.
    public subscript(_ key: String) -> JSONReading? {
        guard let member = json_object_get(value, key), cjansson_type(member) != JSON_NULL else { return nil }
        return JSONReading(member)
    }

    /// Nil where it is none.
    public var string: String? {
        guard cjansson_type(value) == JSON_STRING else { return nil }
        return swiftText(json_string_value(value), json_string_length(value))
    }

    /// Nil where it is none.
    public var integer: Int64? { cjansson_type(value) == JSON_INTEGER ? json_integer_value(value) : nil }

    /// What `make` makes of each element; nil where it makes nothing of one, and where this is no list.
    public func elements<Element>(_ make: (JSONReading) -> Element?) -> [Element]? {
        guard cjansson_type(value) == JSON_ARRAY else { return nil }
        let count = json_array_size(value)
        var elements: [Element] = []
        elements.reserveCapacity(count)
        for index in 0..<count {
            guard let element = json_array_get(value, index), let made = make(JSONReading(element)) else { return nil }
            elements.append(made)
        }
        return elements
    }

    /// As a value of that type; nil where it is none.
    public func decoded<Value: Decodable>(_ type: Value.Type) -> Value? {
        (try? JSONValue(value)).flatMap { try? ValueDecoder(value: $0, codingPath: []).decode(type) }
    }
}
