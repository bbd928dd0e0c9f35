import Storage
import Testing

@Suite("A search for words in a text")
struct TextSearchTests {
    @Test(
        "goes by bytes",
        arguments: [
            ("cannot open 'a': dataset does not exist", "does not exist", true), ("does not", "does not exist", false),
            ("", "", true), ("abc", "", true), ("", "a", false), ("aab", "ab", true), ("ab", "ab", true),
            ("ab", "b ", false),
        ])
    func search(text: String, words: String, expected: Bool) {
        #expect(text.has(words) == expected)
    }
}
