/// Writes one value to its place; the path serves errors only.
struct ValueEncoder: Encoder {
    let slot: EncodingNode
    let codingPath: [any CodingKey]

    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        slot.becomeObject()
        return KeyedEncodingContainer(KeyedWriter(slot: slot, codingPath: codingPath))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        slot.becomeArray()
        return UnkeyedWriter(slot: slot, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { self }

    /// The error of a value that JSON has no form for.
    func refusal(_ value: Any, _ message: String, cause: (any Error)? = nil) -> EncodingError {
        .invalidValue(value, .init(codingPath: codingPath, debugDescription: message, underlyingError: cause))
    }
}
