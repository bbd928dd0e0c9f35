internal import CSHA256

/// A SHA-256 in the making: the one wrapper of libcrypto's. Used by one thread at a time.
public final class SHA256 {
    private let state: OpaquePointer

    /// That of nothing so far.
    public init() { state = csha256_new() }

    deinit { csha256_free(state) }

    /// Adds bytes.
    public func add(_ bytes: some Collection<UInt8>) {
        let done: Void? = bytes.withContiguousStorageIfAvailable { csha256_update(state, $0.baseAddress, $0.count) }
        guard done == nil else { return }
        Array(bytes).withUnsafeBytes { csha256_update(state, $0.baseAddress, $0.count) }
    }

    /// Adds the bytes of a buffer, where they are.
    public func add(buffer: UnsafeRawBufferPointer) { csha256_update(state, buffer.baseAddress, buffer.count) }

    /// Its 32 bytes; nothing may be added afterwards.
    public func finish() -> [UInt8] { Self.bytes { csha256_final(state, $0) } }

    /// That of some bytes.
    public static func digest(of bytes: some Collection<UInt8>) -> [UInt8] {
        let digest = SHA256()
        digest.add(bytes)
        return digest.finish()
    }

    /// HMAC-SHA-256 (RFC 2104) of some bytes, 32 bytes.
    /// - Parameter key: of at most 64 bytes.
    public static func authenticationCode(of content: [UInt8], key: [UInt8]) -> [UInt8] {
        bytes { csha256_hmac(key, key.count, content, content.count, $0) }
    }

    private static func bytes(_ write: (UnsafeMutablePointer<UInt8>) -> Void) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Int(csha256_length)) { buffer, count in
            guard let start = buffer.baseAddress else { return }
            write(start)
            count = buffer.count
        }
    }
}
