import Support
import Testing

@Suite("A text in a message")
struct PrintableTests {
    @Test(
        "has no control characters",
        arguments: [
            ("plain text, größe", "plain text, größe"), ("a\nb\r\nc\t", "a\\nb\\r\\nc\\t"),
            ("\u{1B}[31m", "\\u{1B}[31m"), ("a\u{7F}\u{85}", "a\\u{7F}\\u{0085}"),
            ("\u{202E}abc", "\\u{202E}abc"), ("\u{2028}", "\\u{2028}"), ("", ""),
        ])
    func escapes(text: String, expected: String) {
        #expect(printable(text) == expected)
    }

    @Test("is cut at its limit", arguments: [("abcdef", 3, "abc…"), ("abc", 3, "abc"), ("abc", 0, "…")])
    func cuts(text: String, limit: Int, expected: String) {
        #expect(printable(text, limit: limit) == expected)
        #expect(printable(String(repeating: "x", count: 100)).count == 81)
    }

    @Test(
        "shows nothing that is invisible, or that looks like a blank",
        arguments: ["\u{AD}", "\u{2066}", "\u{061C}", "\u{3164}", "\u{FE0F}", "\u{E0041}", "\u{A0}", "\u{E000}"])
    func unseen(text: String) {
        #expect(printable("a\(text)b").utf8.allSatisfy { $0 < 128 })
        #expect(printable("a\(text)b").hasPrefix("a\\u"))
    }

    @Test(
        "is no longer than four bytes for each character it may have, whatever it is made of",
        arguments: ["\u{0301}", "\u{1F468}\u{200D}", "\u{202E}", "x", "\u{1F600}", "e\u{0301}", "\r\n", "\u{1160}"])
    func bounds(text: String) {
        for limit in [0, 1, 60, 2000] {
            let long = printable(String(repeating: text, count: 60000), limit: limit)
            #expect(long.utf8.count <= 4 * limit + 3)
            #expect(long.hasSuffix("…"))
        }
    }

    @Test("keeps the accents of a language, and no pile of them")
    func accents() {
        #expect(printable("e\u{0302}\u{0301}") == "e\u{0302}\u{0301}")
        let pile = printable("e" + String(repeating: "\u{0301}", count: 6))
        #expect(pile == "e" + String(repeating: "\u{0301}", count: 4) + "\\u{0301}\\u{0301}")
    }
}
