/// How a dump is kept in cold storage.
public enum Compression: String, Sendable, Codable, CaseIterable {
    /// One Zstandard frame (RFC 8878) with content size and checksum, which `zstd -d` reads as well.
    case zstd
    /// Byte for byte as it was.
    case none
}
