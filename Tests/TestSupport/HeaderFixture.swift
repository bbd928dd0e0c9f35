/// A qcow2 image's first clusters, with whatever a test wants to be wrong with them.
public struct HeaderFixture: Sendable {
    /// The name of the backing file; nil: none.
    public var backing: String?
    /// What the header says of its format.
    public var format: String?
    /// The incompatible features.
    public var features: UInt64 = 0
    /// More extensions: type and data.
    public var extensions: [(UInt32, [UInt8])] = []
    /// Bytes that are put over the header, by their places.
    public var changes: [(Int, [UInt8])] = []
    /// In 64 KiB clusters.
    public var clusters = 4

    /// An image of 1 MiB with nothing in it.
    public init(backing: String? = nil, format: String? = nil) {
        self.backing = backing
        self.format = format
    }

    /// A number as the header has it.
    public static func bytes(_ value: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * (count - 1 - $0))) }
    }

    /// The file.
    public var bytes: [UInt8] {
        var parts = extensions
        if let format { parts.insert((0xE279_2ACA, Array(format.utf8)), at: 0) }
        var tail: [UInt8] = []
        for (type, data) in parts {
            tail += Self.bytes(UInt64(type), 4) + Self.bytes(UInt64(data.count), 4) + data
            tail += [UInt8](repeating: 0, count: (8 - data.count % 8) % 8)
        }
        tail += [UInt8](repeating: 0, count: 8)
        let name = Array((backing ?? "").utf8)
        var header: [UInt8] = [0x51, 0x46, 0x49, 0xFB] + Self.bytes(3, 4)
        header += Self.bytes(backing == nil ? 0 : UInt64(112 + tail.count), 8) + Self.bytes(UInt64(name.count), 4)
        // Cluster bits, size, encryption, first table, reference counts, snapshots.
        header += Self.bytes(16, 4) + Self.bytes(1 << 20, 8) + Self.bytes(0, 4) + Self.bytes(1, 4)
        header += Self.bytes(3 << 16, 8) + Self.bytes(1 << 16, 8) + Self.bytes(1, 4) + Self.bytes(0, 4)
        header += Self.bytes(0, 8) + Self.bytes(features, 8) + Self.bytes(0, 16) + Self.bytes(4, 4)
        header += Self.bytes(112, 4) + [features & 8 == 0 ? 0 : 1, 0, 0, 0, 0, 0, 0, 0]
        var all = header + tail + name
        all += [UInt8](repeating: 0, count: max(0, clusters << 16 - all.count))
        for (place, bytes) in changes { all.replaceSubrange(place..<(place + bytes.count), with: bytes) }
        return all
    }
}
