internal import Glibc
internal import Hypervisor
internal import Support

/// A run's id: the second it began, UTC, and six random hexadecimal digits, `20261121T110000Z-1f3c9a`.
///
/// It becomes a part of paths, and is read from properties and files that others may write: what has any other form is
/// none.
package struct RunID: Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
    package let text: String

    /// Nil where the text is no such id.
    package init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8.prefix(24))
        guard bytes.count == 23, bytes.indices.allSatisfy({ Self.isAllowed(bytes[$0], at: $0) }) else { return nil }
        self.text = String(decoding: bytes, as: UTF8.self)
    }

    private static func isAllowed(_ byte: UInt8, at place: Int) -> Bool {
        let isDigit = (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        switch place {
        case 8: return byte == UInt8(ascii: "T")
        case 15: return byte == UInt8(ascii: "Z")
        case 16: return byte == UInt8(ascii: "-")
        case 17...: return isDigit || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
        default: return isDigit
        }
    }

    /// The id of a run that begins now.
    package static func make() -> RunID {
        var now = Glibc.time(nil)
        var parts = tm()
        gmtime_r(&now, &parts)
        return RunID(parts, digits: UInt32.random(in: 0..<(1 << 24)))
    }

    private init(_ time: tm, digits: UInt32) {
        var time = time
        let stamp = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 32) { buffer in
            let length = strftime(buffer.baseAddress, buffer.count, "%Y%m%dT%H%M%SZ", &time)
            return String(decoding: UnsafeRawBufferPointer(buffer).prefix(length), as: UTF8.self)
        }
        let hexadecimal = String(digits, radix: 16)
        text = "\(stamp)-" + String(repeating: "0", count: 6 - hexadecimal.utf8.count) + hexadecimal
    }

    /// When the run began, in seconds since 1970.
    package var time: Int64? { runTime(text) }

    package var description: String { text }

    /// By time.
    package static func < (left: RunID, right: RunID) -> Bool { left.text < right.text }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let id = RunID(text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "'\(printable(text))' is no run's id")
        }
        self = id
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}
