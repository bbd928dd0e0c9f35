import HostFixtures
import Testing

@testable import Configuration

@Suite("A pattern of [vm PATTERN]")
struct ShellPatternTests {
    @Test(
        "is refused where a bracket of it is not closed, or a backslash has nothing behind it",
        arguments: ["[a", "a[", "db[0-9", "[]", "[!]", "[^]", "[a\\]", "[[:digit:]", "a[b]c[d", "a\\", "*\\"])
    func refused(pattern: String) throws {
        #expect(ShellPattern(pattern).fault != nil)
        #expect(throws: BadValue.self) { try VMPattern(pattern) }
    }

    @Test(
        "is taken with brackets that are closed or written as characters",
        arguments: [
            ("web01", false), ("web*", true), ("db[0-9]", true), ("[]a]", true), ("[!]]", true), ("[[:digit:]]", true),
            ("a\\[b", false), ("[[]a", true), ("a]", false), ("\\*", false), ("w?b", true), ("[[]", true),
            ("a\\\\", false),
        ])
    func taken(pattern: String, hasWildcard: Bool) throws {
        #expect(ShellPattern(pattern).fault == nil)
        #expect(try VMPattern(pattern).hasWildcard == hasWildcard)
    }
}
