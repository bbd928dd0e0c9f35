internal import SHA256

/// A key that content is sealed with: HMAC-SHA-256, 32 bytes.
package struct SealingKey: Sendable, Equatable {
    static let length = 32

    let bytes: [UInt8]
    /// The first 16 digits of its SHA-256, which tell nothing of the key.
    package let id: String

    /// - Throws: SealError where that is no key's length.
    init(_ bytes: [UInt8]) throws {
        guard bytes.count == Self.length else { throw SealError(description: "a key has \(Self.length) bytes") }
        self.bytes = bytes
        id = String(hexadecimal(SHA256.digest(of: bytes)).prefix(16))
    }

    func code(of content: [UInt8]) -> [UInt8] { SHA256.authenticationCode(of: content, key: bytes) }

    /// A key for another purpose, from which this one cannot be told.
    func derived(for purpose: String) throws -> SealingKey { try SealingKey(code(of: Array(purpose.utf8))) }
}

/// What a seal covers: names with the length and the SHA-256 of what they stand for.
package struct SealedContent: Sendable, Equatable {
    /// Content of one kind never passes for that of another.
    package enum Kind: String, Sendable {
        case definition
        case sideCar = "side-car"
    }

    let kind: Kind
    private var lines: [String] = []

    package init(_ kind: Kind) { self.kind = kind }

    package mutating func add(_ name: String, count: Int, digest: [UInt8]) {
        // The name last, and as digits: it can hold a line feed.
        lines.append("\(count) \(hexadecimal(digest)) \(hexadecimal(name.utf8))")
    }

    package mutating func add(_ name: String, _ bytes: [UInt8]) {
        add(name, count: bytes.count, digest: SHA256.digest(of: bytes))
    }

    /// What tells it from other content: a SHA-256 in hexadecimal digits.
    package var id: String { hexadecimal(SHA256.digest(of: text)) }

    /// The text that is sealed; the order in which things were added does not matter.
    var text: [UInt8] { Array("stillpoint 1 \(kind.rawValue)\n\(lines.sorted().joined(separator: "\n"))\n".utf8) }
}

/// The marks that content was written by this host, one for itself and one for hosts that trust it.
package struct Seal: Sendable, Codable, Equatable {
    /// The file's format; a higher one is none.
    static let format = 1
    /// Keys that may have sealed one thing.
    static let mostMarks = 8

    struct Mark: Sendable, Codable, Equatable {
        /// `SealingKey.id`
        let key: String
        /// The HMAC in hexadecimal digits.
        let code: String
    }

    var format = Seal.format
    let marks: [Mark]

    package init(_ content: SealedContent, by keys: [SealingKey]) {
        let text = content.text
        marks = keys.map { Mark(key: $0.id, code: hexadecimal($0.code(of: text))) }
    }

    /// Whether the key has sealed just this; nil: it has not sealed it at all.
    func fits(_ content: SealedContent, _ key: SealingKey) -> Bool? {
        guard format == Self.format, marks.count <= Self.mostMarks,
            let mark = marks.first(where: { $0.key == key.id })
        else { return nil }
        let (right, given) = (Array(hexadecimal(key.code(of: content.text)).utf8), Array(mark.code.utf8))
        // In a time that does not tell how much of it is right.
        return right.count == given.count && zip(right, given).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }
}

/// Why something cannot be sealed, or a key cannot be used.
package struct SealError: Error, CustomStringConvertible {
    package let description: String
    var cause: (any Error)?
}
