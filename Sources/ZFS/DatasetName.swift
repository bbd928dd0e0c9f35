/// The name of a ZFS filesystem or volume, such as `tank/VM`; always one that ZFS accepts.
public struct DatasetName: Hashable, Sendable, CustomStringConvertible {
    /// The name as ZFS writes it.
    public let rawValue: String

    /// Takes a name that follows ZFS's rules.
    ///
    /// - Throws: ``NameError`` that names the rule and, for a character, its position.
    public init(_ text: String) throws(NameError) {
        try NameRules.checkDataset(text)
        rawValue = text
    }

    private init(unchecked text: String) { rawValue = text }

    /// The name as ZFS writes it.
    public var description: String { rawValue }

    /// The dataset above this one; nil for a pool's root.
    public var parent: DatasetName? {
        rawValue.lastIndex(of: "/").map { DatasetName(unchecked: String(rawValue[..<$0])) }
    }

    /// Those above it, the pool first.
    public var ancestors: [DatasetName] {
        var (result, next): ([DatasetName], DatasetName?) = ([], parent)
        while let name = next {
            result.append(name)
            next = name.parent
        }
        return result.reversed()
    }

    /// The pool that holds the dataset.
    public var pool: DatasetName {
        DatasetName(unchecked: String(rawValue.prefix { $0 != "/" }))
    }

    /// Whether this is `other` or lies below it; `tank/VM2` does not lie below `tank/VM`.
    public func isSameOrDescendant(of other: DatasetName) -> Bool {
        guard rawValue.utf8.count > other.rawValue.utf8.count else { return rawValue == other.rawValue }
        return rawValue.hasPrefix(other.rawValue + "/")
    }
}

extension DatasetName: Comparable {
    /// Orders by components, so that a dataset is followed by its own descendants: `a`, `a/b`, `a-1`.
    public static func < (lhs: DatasetName, rhs: DatasetName) -> Bool {
        lhs.rawValue.utf8.lexicographicallyPrecedes(rhs.rawValue.utf8) { rank($0) < rank($1) }
    }

    private static func rank(_ byte: UInt8) -> UInt8 { byte == UInt8(ascii: "/") ? 0 : byte }
}

extension DatasetName: Codable {
    /// Reads a plain string.
    public init(from decoder: any Decoder) throws {
        try self.init(decoder.singleValueContainer().decode(String.self))
    }

    /// Writes a plain string.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }
}
