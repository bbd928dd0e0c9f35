import Storage
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
}
