/// The full name of a ZFS snapshot, `dataset@name`; always one that ZFS accepts.
public struct SnapshotName: Hashable, Sendable, CustomStringConvertible {
    /// The dataset that the snapshot is of.
    public let dataset: DatasetName
    /// The part after the `@`.
    public let name: String

    /// Takes a full name.
    ///
    /// - Throws: ``NameError`` that names the rule and, for a character, its position in its part.
    public init(_ text: String) throws(NameError) {
        guard let at = text.utf8.firstIndex(of: UInt8(ascii: "@")) else {
            throw NameError(.noSnapshot, "\(NameRules.quoted(text)) names no snapshot; write DATASET@NAME")
        }
        let dataset = try DatasetName(String(text[..<at]))
        try self.init(dataset: dataset, name: String(text[text.utf8.index(after: at)...]))
    }

    /// Takes a dataset and the part after the `@`.
    ///
    /// - Throws: ``NameError`` where ZFS would refuse the name, or the two together have more than 255 bytes.
    public init(dataset: DatasetName, name: String) throws(NameError) {
        try NameRules.checkSnapshotPart(name)
        let count = dataset.rawValue.utf8.count + 1 + name.utf8.count
        try NameRules.checkLength(count, of: "snapshot", "\(dataset)@\(name)")
        self.dataset = dataset
        self.name = name
    }

    /// `dataset@name`.
    public var rawValue: String { "\(dataset.rawValue)@\(name)" }

    /// `dataset@name`.
    public var description: String { rawValue }
}

extension SnapshotName: Comparable {
    /// Orders by dataset, then by name.
    public static func < (lhs: SnapshotName, rhs: SnapshotName) -> Bool {
        lhs.dataset == rhs.dataset ? lhs.name < rhs.name : lhs.dataset < rhs.dataset
    }
}

extension SnapshotName: Codable {
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
