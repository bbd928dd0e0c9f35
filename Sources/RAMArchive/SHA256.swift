internal import CSHA256

/// A SHA-256 in the making.
struct SHA256: ~Copyable {
    private let state: OpaquePointer

    init() throws {
        guard let state = csha256_new() else {
            throw ArchiveError(.noMemory, "no memory for a digest; try again later")
        }
        self.state = state
    }

    deinit { csha256_free(state) }

    func add(_ bytes: UnsafeRawBufferPointer) {
        csha256_update(state, bytes.baseAddress, bytes.count)
    }

    /// The digest in lower-case hexadecimal digits; nothing may be added afterwards.
    func finish() -> String {
        let digits = Array("0123456789abcdef".utf8)
        let bytes = [UInt8](unsafeUninitializedCapacity: csha256_length) { buffer, count in
            guard let start = buffer.baseAddress else { return }
            csha256_final(state, start)
            count = buffer.count
        }
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
