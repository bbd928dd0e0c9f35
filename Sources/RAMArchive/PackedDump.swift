public enum Compression: String, Sendable, Codable, CaseIterable { case zstd, none }
public struct PackedDump: Sendable, Codable, Equatable {
    public let plainBytes: UInt64
    public let storedBytes: UInt64
    public let sha256: String
    public let compression: Compression
}

public func pack(
    _ source: String, to destination: String, compression: Compression, beforeRename: (PackedDump) throws -> Void,
    progress: (@Sendable (UInt64, UInt64) -> Void)?
) throws -> PackedDump { fatalError() }
public func unpack(
    _ source: String, expecting: PackedDump, to destination: String, progress: (@Sendable (UInt64, UInt64) -> Void)?
) throws { fatalError() }
public func verify(_ source: String, expecting: PackedDump, progress: (@Sendable (UInt64, UInt64) -> Void)?) throws {
    fatalError()
}
