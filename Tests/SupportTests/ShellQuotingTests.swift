import Glibc
import Support
import TestSupport
import Testing

@Suite("A word of a suggested command")
struct ShellQuotingTests {
    @Test(
        "is quoted where a shell would take it for more than itself",
        arguments: [
            ("tank/VM@autosnap_2026-11-21_11:00:00", "tank/VM@autosnap_2026-11-21_11:00:00"), ("", "''"),
            ("web 01", "'web 01'"), ("a;rm -rf /", "'a;rm -rf /'"), ("$(id)", "'$(id)'"), ("~root", "'~root'"),
            ("it's", "'it'\\''s'"), ("a\nb", "$'a\\012b'"), ("größe", "'größe'"), ("a\\b", "'a\\b'"),
            ("\u{202E}a'\\", "$'\\342\\200\\256a\\'\\\\'"), ("*", "'*'"), ("a#b", "'a#b'"), ("!1", "'!1'"),
        ])
    func quotes(word: String, expected: String) {
        #expect(shellQuoted(word) == expected)
    }

    @Test("is that word again in a shell, whatever is in it")
    func roundTrip() async throws {
        var words = [
            "it's", "a\nb\r\t", "\u{1B}[2J", "\u{202E}evil\u{2066}", "`id`", "\\'", "'", "\\", "''\\''", "$'x'", "\"",
            "a\u{0301}\u{0301}\u{0301}", "\u{7F}\u{80}\u{10FFFF}", "{a,b}", "&& reboot", "\u{A0}", "-n", "a\\012b7",
            "'\u{0903}; id", "\u{0D4E}'; id",
        ]
        // Each byte of ASCII, with a digit after it.
        words += (1..<128).map { "\(Character(Unicode.Scalar(UInt8($0))))7" }
        for word in words {
            for locale in ["C", "C.UTF-8"] {
                let outcome = try await ChildProcess.run(
                    "/bin/bash", ["-c", "printf %s. \(shellQuoted(word))"], environment: ["LC_ALL": locale],
                    within: .seconds(20), outputLimit: 4096)
                #expect(outcome.output == Array("\(word).".utf8), "\(word) \(locale)")
            }
            // What needs no `$'…'` any shell takes.
            guard !shellQuoted(word).hasPrefix("$'") else { continue }
            let outcome = try await ChildProcess.run(
                "/bin/sh", ["-c", "printf %s. \(shellQuoted(word))"], within: .seconds(20), outputLimit: 4096)
            #expect(outcome.output == Array("\(word).".utf8), "\(word)")
        }
    }
}
