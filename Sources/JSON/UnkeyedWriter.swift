/// Writes an array.
struct UnkeyedWriter: UnkeyedEncodingContainer {
    let slot: EncodingNode
    let codingPath: [any CodingKey]

    var count: Int { slot.count }

    func encodeNil() { slot.append().fill(.null) }

    func encode<Value: Encodable>(_ value: Value) throws { try next().encode(value) }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        next().container(keyedBy: type)
    }

    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { next().unkeyedContainer() }
    func superEncoder() -> any Encoder { next() }

    private func next() -> ValueEncoder {
        ValueEncoder(slot: slot.append(), codingPath: codingPath + [PathKey(index: slot.count - 1)])
    }
}
