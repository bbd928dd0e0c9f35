/// Writes an object. The one generic `encode` serves scalars too: they come back through ValueEncoder.
struct KeyedWriter<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let slot: EncodingNode
    let codingPath: [any CodingKey]

    func encodeNil(forKey key: Key) { slot.replace(key).fill(.null) }

    func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
        try ValueEncoder(slot: slot.replace(key), codingPath: codingPath + [key]).encode(value)
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        ValueEncoder(slot: slot.reuse(key), codingPath: codingPath + [key]).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        ValueEncoder(slot: slot.reuse(key), codingPath: codingPath + [key]).unkeyedContainer()
    }

    func superEncoder() -> any Encoder { parent(PathKey.parent) }
    func superEncoder(forKey key: Key) -> any Encoder { parent(key) }

    private func parent(_ key: any CodingKey) -> ValueEncoder {
        ValueEncoder(slot: slot.replace(key), codingPath: codingPath + [key])
    }
}
