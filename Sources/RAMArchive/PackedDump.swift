public enum Compression: String, Sendable, Codable, CaseIterable { case zstd, none }
public struct PackedDump: Sendable, Codable, Equatable {
    public let plainBytes: UInt64
    public let storedBytes: UInt64
    public let sha256: String
    public let compression: Compression
}
