internal import Bounds
internal import CJansson
internal import Support

extension JSONValue {
    /// The value of a text.
    /// - Throws: JSONError `.syntax`, `.tooLarge`.
    init(parsing bytes: [UInt8], within budget: Budget) throws(JSONError) {
        let owner = try JanssonValue(parsing: bytes, within: budget)
        self = try JSONValue(owner.pointer)
    }

    /// A copy of a value that stays its owner's.
    init(_ value: UnsafeMutablePointer<json_t>) throws(JSONError) {
        switch cjansson_type(value) {
        case JSON_OBJECT: self = .object(try Self.members(of: value))
        case JSON_ARRAY: self = .array(try Self.elements(of: value))
        case JSON_STRING: self = .string(swiftText(json_string_value(value), json_string_length(value)))
        case JSON_INTEGER: self = .int(json_integer_value(value))
        case JSON_REAL: self = .real(json_real_value(value))
        case JSON_TRUE: self = .bool(true)
        case JSON_FALSE: self = .bool(false)
        default: self = .null
        }
    }

    private static func elements(of array: UnsafeMutablePointer<json_t>) throws(JSONError) -> [JSONValue] {
        let count = json_array_size(array)
        var elements: [JSONValue] = []
        elements.reserveCapacity(count)
        for index in 0..<count {
            guard let element = json_array_get(array, index) else { break }
            elements.append(try JSONValue(element))
        }
        return elements
    }

    private static func members(of object: UnsafeMutablePointer<json_t>) throws(JSONError) -> [String: JSONValue] {
        var members = [String: JSONValue](minimumCapacity: json_object_size(object))
        var next = json_object_iter(object)
        while let member = next, let value = json_object_iter_value(member) {
            let key = swiftText(json_object_iter_key(member), json_object_iter_key_len(member))
            // To jansson é and e with an accent are two keys, to Swift one.
            guard members.updateValue(try JSONValue(value), forKey: key) == nil else {
                throw JSONError(.syntax, "the key \"\(printable(key, limit: 60))\" stands twice in one object")
            }
            next = json_object_iter_next(object, member)
        }
        return members
    }
}

extension JanssonValue {
    /// The value of a text.
    /// - Throws: JSONError `.syntax`, `.tooLarge`.
    init(parsing bytes: [UInt8], within budget: Budget) throws(JSONError) {
        try checkCost(of: bytes, within: budget)
        guard !bytes.allSatisfy(isBlank) else {
            throw JSONError(.syntax, bytes.isEmpty ? "the text is empty" : "the text has nothing but white space")
        }
        var problem = json_error_t()
        let root = bytes.withUnsafeBytes { raw in
            cjansson_load(raw.assumingMemoryBound(to: CChar.self).baseAddress, raw.count, &problem)
        }
        guard let root else {
            let message = withUnsafePointer(to: &problem) { String(cString: cjansson_text($0)) }
            throw JSONError(.syntax, message, line: Int(problem.line), column: Int(problem.column))
        }
        try self.init(root)
    }
}

/// Text by its length: it may contain U+0000.
func swiftText(_ start: UnsafePointer<CChar>?, _ count: Int) -> String {
    String(decoding: UnsafeRawBufferPointer(start: start, count: count), as: UTF8.self)
}

private func isBlank(_ byte: UInt8) -> Bool {
    byte == 0x20 || (0x09...0x0D).contains(byte)
}
