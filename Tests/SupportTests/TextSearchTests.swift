import Testing

@testable import Support

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

    @Test(
        "Words are replaced in each place, by bytes",
        arguments: [
            ("open fd/1: no fd/1", "fd/1", "a", "open a: no a"), ("aaa", "aa", "b", "ba"), ("", "a", "b", ""),
            ("a", "", "b", "a"), ("a", "ab", "c", "a"),
        ])
    func replaced(text: String, words: String, other: String, expected: String) {
        #expect(text.putting(other, for: words) == expected)
    }
}
