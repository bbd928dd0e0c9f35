extension ValueEncoder: SingleValueEncodingContainer {
    func encodeNil() { slot.fill(.null) }
    func encode(_ value: Bool) { slot.fill(.bool(value)) }
    func encode(_ value: String) { slot.fill(.string(value)) }

    func encode(_ value: Double) throws {
        guard value.isFinite else { throw refusal(value, "is \(value), which JSON has no number for") }
        slot.fill(.real(value))
    }

    func encode(_ value: Float) throws { try encode(Double(value)) }

    func encode(_ value: Int) { slot.fill(.int(Int64(value))) }
    func encode(_ value: Int8) { slot.fill(.int(Int64(value))) }
    func encode(_ value: Int16) { slot.fill(.int(Int64(value))) }
    func encode(_ value: Int32) { slot.fill(.int(Int64(value))) }
    func encode(_ value: Int64) { slot.fill(.int(value)) }
    func encode(_ value: Int128) throws { try integer(value) }
    func encode(_ value: UInt) throws { try integer(value) }
    func encode(_ value: UInt8) { slot.fill(.int(Int64(value))) }
    func encode(_ value: UInt16) { slot.fill(.int(Int64(value))) }
    func encode(_ value: UInt32) { slot.fill(.int(Int64(value))) }
    func encode(_ value: UInt64) throws { try integer(value) }
    func encode(_ value: UInt128) throws { try integer(value) }

    /// A value of any type.
    ///
    /// An error of the type's own does not know the place: it becomes the cause of one that does.
    func encode<Value: Encodable>(_ value: Value) throws {
        // Objects may refer to each other in a circle.
        guard codingPath.count < JSONValue.deepest else { throw EncodingError.tooDeep(value) }
        do {
            try value.encode(to: self)
        } catch let error as EncodingError {
            throw error
        } catch {
            throw refusal(value, "\(error)", cause: error)
        }
    }

    private func integer(_ value: some FixedWidthInteger) throws {
        guard let number = Int64(exactly: value) else {
            throw refusal(value, "\(value) does not fit into 64 bits with sign")
        }
        slot.fill(.int(number))
    }
}

extension EncodingError {
    // Without the path, which is as long as the value is deep.
    fileprivate static func tooDeep(_ value: Any) -> EncodingError {
        .invalidValue(value, .init(codingPath: [], debugDescription: tooDeepMessage))
    }
}
