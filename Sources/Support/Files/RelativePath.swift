/// A path that leads down from a folder and nowhere else: `pages/index.html`.
///
/// It is not empty, not absolute, and has no part `.` or `..`; what reads one from a file of somebody else's need not check
/// it again.
public struct RelativePath: Sendable, Hashable, Codable, CustomStringConvertible {
    /// Bytes that a path may have (PATH_MAX), and a part of one (NAME_MAX, see limits.h).
    private static let (mostBytes, mostBytesOfPart) = (4095, 255)

    /// As it is written.
    public let text: String

    /// Nil where the text is no such path.
    public init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard text.utf8.count <= Self.mostBytes, !text.utf8.contains(0),
            parts.allSatisfy({ !$0.isEmpty && $0.count <= Self.mostBytesOfPart && !Self.isDots($0) })
        else { return nil }
        self.text = text
    }

    private static func isDots(_ part: Substring.UTF8View) -> Bool {
        part.count <= 2 && part.allSatisfy { $0 == UInt8(ascii: ".") }
    }

    /// What leads to the folder that holds it; nil where that is the folder from which the path leads.
    public var parent: RelativePath? { text.utf8.lastIndex(of: slash).flatMap { RelativePath(String(text[..<$0])) } }

    /// The names, one a level.
    public var parts: [String] { text.utf8.split(separator: slash).map { String(Substring($0)) } }

    private var slash: UInt8 { UInt8(ascii: "/") }

    /// As it is written.
    public var description: String { text }

    /// - Throws: DecodingError where the text is no such path.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let path = RelativePath(text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "'\(printable(text))' is no path below a folder")
        }
        self = path
    }

    /// As its text.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}
