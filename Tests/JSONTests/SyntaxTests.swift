import JSON
import Testing

@Suite("A text that is not JSON")
struct SyntaxTests {
    struct Anything: Decodable {
        init(from decoder: any Decoder) throws {}
    }

    @Test(
        "is refused with the line",
        arguments: [
            ("", 0, "the text is empty"),
            (" \n\t", 0, "nothing but white space"),
            ("{", 1, "end of file"),
            ("{\n\"a\": 1\n", 3, "'}' expected near end of file"),
            ("{\n\"a\": 1,\n}", 3, "string or '}' expected near '}'"),
            ("{\"a\" 1}", 1, "':' expected"),
            ("{'a': 1}", 1, "string or '}' expected"),
            ("{a: 1}", 1, "string or '}' expected"),
            ("[1,]", 1, "unexpected token"),
            ("[1 2]", 1, "']' expected"),
            ("[\n1\n]\nx", 4, "end of file expected"),
            ("{} {}", 1, "end of file expected"),
            ("{\n\"a\": 1,\n\"a\": 2}", 3, "duplicate object key"),
            ("{\"a\": {\"b\": 1, \"b\": 1}}", 1, "duplicate object key"),
            ("[01]", 1, "invalid token"),
            ("[.5]", 1, "invalid token"),
            ("[1.]", 1, "invalid token"),
            ("[+1]", 1, "invalid token"),
            ("[1e400]", 1, "real number overflow"),
            ("[NaN]", 1, "invalid token"),
            ("[Infinity]", 1, "invalid token"),
            ("[True]", 1, "invalid token"),
            ("// no\n[]", 1, "invalid token"),
            ("[\n\"a\nb\"]", 2, "unexpected newline"),
            ("[\"a\u{1}\"]", 1, "control character"),
            ("[\"\\x\"]", 1, "invalid escape"),
            ("[\"\\ud800\"]", 1, "invalid Unicode"),
            ("[\"\\u12\"]", 1, "invalid escape"),
            ("{\"a\\u0000\": 1}", 1, "NUL byte in object key"),
            ("[\"a", 1, "premature end of input"),
            ("\u{FEFF}[]", 1, "invalid token"),
            ("\u{0}", 1, "invalid token"),
            ("[]\u{0}", 1, "end of file expected"),
            ("\u{1B}[2J", 1, "invalid token"),
        ])
    func refused(text: String, line: Int, words: String) throws {
        let error = try #require(throws: JSONError.self) { try read(Anything.self, text) }
        #expect(error.code == .syntax)
        #expect(error.line == line)
        #expect(error.path == "" && error.cause == nil)
        #expect(error.description.contains(words))
        #expect(error.description.hasPrefix("line \(line), column ") == (line > 0))
        #expect(!error.description.unicodeScalars.contains { $0.value < 0x20 })
    }

    @Test(
        "is refused where it is not UTF-8",
        arguments: [[0x80], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82], [0xFF]])
    func encoding(bytes: [UInt8]) throws {
        let text = Array("[\n\"".utf8) + bytes + Array("\"]".utf8)
        let error = try #require(throws: JSONError.self) { try JSON.decode([String].self, from: text) }
        #expect(error.code == .syntax)
        #expect(error.line == 2)
        #expect(error.message.contains("unable to decode byte"))
    }

    @Test("is one with a key in two spellings of the same letters")
    func spellings() throws {
        let text = "{\"\u{E9}\": 1, \"e\u{301}\": 2}"
        let error = try #require(throws: JSONError.self) { try read([String: Int].self, text) }
        #expect(error.code == .syntax)
        #expect(error.description.contains("stands twice"))
    }

    @Test("is no text cut short anywhere")
    func cut() throws {
        let bytes = try JSON.encode(Sample.full)
        for length in 0..<bytes.count {
            let error = #expect(throws: JSONError.self) { try JSON.decode(Sample.self, from: Array(bytes[..<length])) }
            #expect(error?.code == .syntax)
        }
    }

    @Test("may be nested as deep as one that is written")
    func depth() throws {
        #expect(try JSON.encode(Nest(depth: 63)).isEmpty == false)
        #expect(try JSON.decode(Nest.self, from: JSON.encode(Nest(depth: 63))).depth == 63)
        let error = try #require(throws: JSONError.self) { try JSON.encode(Nest(depth: 64)) }
        #expect(error.description == "is nested more than 64 deep")
    }
}

/// Arrays within arrays.
struct Nest: Codable {
    let depth: Int

    init(depth: Int) { self.depth = depth }

    init(from decoder: any Decoder) throws {
        var container = try decoder.unkeyedContainer()
        depth = container.isAtEnd ? 0 : try container.decode(Nest.self).depth + 1
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.unkeyedContainer()
        if depth > 0 { try container.encode(Nest(depth: depth - 1)) }
    }
}
