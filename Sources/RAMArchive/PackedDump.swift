/// What is known of a packed dump; it is recorded in its side-car.
public struct PackedDump: Sendable, Codable, Equatable {
    /// Length of the dump itself, in bytes.
    public let plainBytes: UInt64
    /// Length of the file in cold storage, in bytes.
    public let storedBytes: UInt64
    /// SHA-256 of the dump itself: 64 lower-case hexadecimal digits.
    public let sha256: String
    /// How the file in cold storage is made.
    public let compression: Compression

    /// What a side-car says; believed only as far as `unpack` and `verify` find it true.
    public init(plainBytes: UInt64, storedBytes: UInt64, sha256: String, compression: Compression) {
        self.plainBytes = plainBytes
        self.storedBytes = storedBytes
        self.sha256 = sha256
        self.compression = compression
    }
}
