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

    @Test(
        "Text is trimmed of blanks and tabs at its ends alone",
        arguments: [(" a b\t ", "a b"), ("\té\n", "é\n"), ("  ", ""), ("", ""), ("x", "x")])
    func trimmed(text: String, expected: String) {
        #expect(text.trimmed() == expected)
    }
}
