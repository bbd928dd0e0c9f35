internal import CJansson

/// A value as indented text, keys sorted by their bytes.
func text(of value: JSONValue) throws(JSONError) -> [UInt8] {
    let owner = try handle(on: value)
    // Once to learn the size, once to write: no buffer of jansson's that somebody must free.
    let size = cjansson_dump(owner.pointer, nil, 0)
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
        let written = buffer.withMemoryRebound(to: CChar.self) {
            cjansson_dump(owner.pointer, $0.baseAddress, size)
        }
        count = min(written, size)
    }
    guard !bytes.isEmpty else { throw JSONError(.unwritable, "out of memory") }
    return bytes
}

private func handle(on value: JSONValue) throws(JSONError) -> JanssonValue {
    switch value {
    case .null: return try JanssonValue(json_null())
    case .bool(let value): return try JanssonValue(value ? json_true() : json_false())
    case .int(let value): return try JanssonValue(json_integer(value))
    case .real(let value): return try JanssonValue(json_real(value))
    case .string(let text):
        return try JanssonValue(withBytes(of: text) { json_stringn($0, $1) })
    case .array(let elements):
        let array = try JanssonValue(json_array())
        for element in elements {
            let new = try handle(on: element).surrender()
            guard json_array_append_new(array.pointer, new) == 0 else {
                throw JSONError(.unwritable, "out of memory")
            }
        }
        return array
    case .object(let members):
        let object = try JanssonValue(json_object())
        for (key, member) in members {
            let new = try handle(on: member).surrender()
            let status = withBytes(of: key) { json_object_setn_new(object.pointer, $0, $1, new) }
            guard status == 0 else { throw JSONError(.unwritable, "out of memory") }
        }
        return object
    }
}

/// The text's bytes and their number; the pointer is never nil, not even for an empty text.
private func withBytes<Result>(of text: String, _ body: (UnsafePointer<CChar>, Int) -> Result) -> Result {
    text.withCString { body($0, text.utf8.count) }
}
