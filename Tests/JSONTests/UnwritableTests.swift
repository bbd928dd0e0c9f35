import JSON
import Testing

@Suite("A value without JSON")
struct UnwritableTests {
    struct Twofold: Encodable {
        func encode(to encoder: any Encoder) throws {
            _ = encoder.unkeyedContainer()
            _ = encoder.container(keyedBy: Key.self)
        }

        enum Key: CodingKey {
            case a
        }
    }

    /// Refers to itself.
    final class Ring: Encodable {
        var next: Ring?
    }

    @Test("is a number that is none", arguments: [Double.nan, .infinity, -.infinity])
    func notFinite(number: Double) throws {
        let error = try #require(throws: JSONError.self) { try JSON.encode(["a": [number]]) }
        #expect(error.code == .unwritable)
        #expect(error.description.hasPrefix("a[0]: is \(number)"))
        #expect(throws: JSONError.self) { try JSON.encode(Float(number)) }
    }

    @Test("is a key that could not be read again")
    func key() throws {
        let error = try #require(throws: JSONError.self) { try JSON.encode(["a": ["b\u{0}": 1]]) }
        #expect(error.description == "a[\"b\\0\"]: the key contains U+0000")
    }

    @Test("is one that wants to be two things")
    func twofold() throws {
        let error = try #require(throws: JSONError.self) { try JSON.encode([Twofold()]) }
        #expect(error.description == "[0]: is written as two kinds of value at once")
    }

    @Test("is a ring")
    func ring() throws {
        let ring = Ring()
        ring.next = ring
        defer { ring.next = nil }
        let error = try #require(throws: JSONError.self) { try JSON.encode(ring) }
        #expect(error.description == "is nested more than 64 deep")
    }
}
