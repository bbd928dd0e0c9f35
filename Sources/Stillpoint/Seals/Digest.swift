internal import CSHA256

/// A SHA-256 in the making.
final class Digest {
    private let state: OpaquePointer

    /// - Throws: SealError where there is no memory.
    init() throws {
        guard let state = csha256_new() else { throw SealError(description: "no memory for a digest") }
        self.state = state
    }

    deinit { csha256_free(state) }

    func add(_ bytes: some Collection<UInt8>) {
        let done: Void? = bytes.withContiguousStorageIfAvailable { csha256_update(state, $0.baseAddress, $0.count) }
        guard done == nil else { return }
        Array(bytes).withUnsafeBytes { csha256_update(state, $0.baseAddress, $0.count) }
    }

    /// Its 32 bytes; nothing may be added afterwards.
    func finish() -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: csha256_length) { buffer, count in
            guard let start = buffer.baseAddress else { return }
            csha256_final(state, start)
            count = buffer.count
        }
    }

    static func of(_ bytes: [UInt8]) throws -> [UInt8] {
        let digest = try Digest()
        digest.add(bytes)
        return digest.finish()
    }
}

/// Bytes in lower-case hexadecimal digits.
func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}

/// Undoes `hexadecimal`; nil where the text is none.
func bytes(hexadecimal text: String) -> [UInt8]? {
    let digits = text.utf8.map { Character(Unicode.Scalar($0)).hexDigitValue }
    guard digits.count.isMultiple(of: 2), !digits.contains(nil) else { return nil }
    let values = digits.compactMap { $0 }
    return stride(from: 0, to: values.count, by: 2).map { UInt8(values[$0] << 4 | values[$0 + 1]) }
}
