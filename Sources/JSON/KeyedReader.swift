/// What is common to readers of objects, whatever their keys, so that it is compiled once.
struct ObjectMembers {
    let members: [String: JSONValue]
    let codingPath: [any CodingKey]

    /// Reads a member.
    /// - Parameter fallback: the value of a member that is not there.
    func decoder(_ key: any CodingKey, fallback: JSONValue? = nil) throws -> ValueDecoder {
        guard let value = members[key.stringValue] ?? fallback else {
            throw DecodingError.keyNotFound(key, .init(codingPath: codingPath, debugDescription: "is missing"))
        }
        return ValueDecoder(value: value, codingPath: codingPath + [key])
    }
}

/// Reads an object. The one generic `decode` serves scalars too: they come back through ValueDecoder.
struct KeyedReader<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let members: ObjectMembers

    var codingPath: [any CodingKey] { members.codingPath }
    var allKeys: [Key] { members.members.keys.compactMap(Key.init(stringValue:)) }

    func contains(_ key: Key) -> Bool { members.members[key.stringValue] != nil }

    func decodeNil(forKey key: Key) throws -> Bool { try members.decoder(key).value.isNull }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        try members.decoder(key).decode(type)
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> {
        try members.decoder(key).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try members.decoder(key).unkeyedContainer()
    }

    func superDecoder() throws -> any Decoder { try members.decoder(PathKey.parent, fallback: .null) }
    func superDecoder(forKey key: Key) throws -> any Decoder { try members.decoder(key, fallback: .null) }
}
