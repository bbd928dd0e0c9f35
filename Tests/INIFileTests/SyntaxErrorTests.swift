import Testing

@testable import INIFile

@Suite("A wrong configuration text")
struct SyntaxErrorTests {
    @Test(
        "is refused at its first wrong line",
        arguments: [
            ("key = value\n", 1, "before any [section]"),
            ("# head\nkey = value\n[s]\n", 2, "before any [section]"),
            ("[s]\njust words\n", 2, "no equals sign"),
            ("[s]\nkey = a\n    continued\n", 3, "no equals sign"),
            ("[s]\nkey: value\n", 2, "no equals sign"),
            ("[s]\na:b = c\n", 2, "colon"),
            ("[s]\n= value\n", 2, "missing"),
            ("[s\nkey = value\n", 1, "closing bracket"),
            ("[s] trailing\n", 1, "closing bracket"),
            ("[]\n", 1, "no name"),
            ("[  ]\n", 1, "no name"),
            ("[" + String(repeating: "x", count: 401) + "]\n", 1, "longer than 400"),
            ("[s]\nkey = a\rb\n", 2, "control character"),
            ("[s]\nkey = a\u{7F}\n", 2, "control character"),
            ("[s]\nkey = a\u{1B}[2J\n", 2, "control character"),
            ("[s]\nkey = a\u{0}b\n", 2, "NUL"),
        ])
    func refused(text: String, line: Int, words: String) throws {
        let error = #expect(throws: INIError.self) { try INIFile.parse(text, path: "a.conf") }
        #expect(error?.code == .syntax)
        #expect(error?.line == line)
        let description = try #require(error).description
        #expect(description.hasPrefix("a.conf:\(line): "))
        #expect(description.contains(words))
        #expect(!description.unicodeScalars.contains { $0.value < 0x20 })
    }

    @Test(
        "is salvaged without its wrong lines, and what is below a wrong header is nobody's",
        arguments: [
            ("stray = 1\n[s]\nwords\na = 1\nb: 2\nc = 3\n", "[s] a=1 c=3"),
            ("[s]\na = 1\n[t\nb = 2\n[u]\nc = 3\n", "[s] a=1 [] b=2 [u] c=3"),
            ("[s]\na = 1\n[]\nb = 2\n", "[s] a=1 [] b=2"), ("[s]\na = \u{0}\nb = 2\n", "[s] b=2"), ("words", ""),
        ])
    func salvaged(text: String, found: String) throws {
        let file = try INIFile.parse(bytes: Array(text.utf8), path: "a.conf", skippingWrongLines: true)
        let words = file.sections.flatMap { ["[\($0.name)]"] + $0.entries.map { "\($0.key)=\($0.value)" } }
        #expect(words.joined(separator: " ") == found)
    }

    @Test(
        "is told of without what may be a secret",
        arguments: [
            "webhook_url https://host/T0KEN", "webhook_url host/T0KEN", "https://host/T0KEN", "T0KEN", "a: T0KEN",
            "[https://host/T0KEN", "https://host/?a=T0KEN",
        ])
    func secret(line: String) throws {
        let error = try #require(#expect(throws: INIError.self) { try INIFile.parse("[s]\n\(line)\n", path: "a.conf") })
        #expect(error.line == 2 && !error.description.contains("T0KEN"), "\(error)")
    }

    @Test("is refused outside a section and with a NUL", arguments: ["k = v\n", "\u{0}"])
    func outside(text: String) {
        #expect(throws: INIError.self) { try INIFile.parse(text, path: "a.conf") }
    }

    @Test("of any characters is read or refused, never worse")
    func anyCharacters() {
        let alphabet = Array("[[]]==;#: \t\r\n\n\nab€\u{FEFF}\"\\")
        var state: UInt64 = 42
        for _ in 0..<3000 {
            var text = ""
            for _ in 0..<60 {
                // A fixed sequence (Knuth's MMIX constants), so that a failure can be repeated.
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                text.append(alphabet[Int(state >> 33) % alphabet.count])
            }
            let file = try? INIFile.parse(text, path: "a.conf")
            #expect(file?.sections.contains { $0.name.isEmpty || $0.entries.contains { $0.key.isEmpty } } != true)
        }
    }
}
