import Testing

@testable import SnapshotManagers

@Suite("What Perl makes of a text")
struct PerlTextTests {
    private static func nested(_ depth: Int, _ close: String) -> String {
        String(repeating: "(", count: depth) + "x" + String(repeating: close, count: depth)
    }

    @Test(
        "A word may be a regular expression",
        arguments: [("yes", true), ("y.s", true), ("(on|ja)", true), ("ye", false)])
    func expression(text: String, isWord: Bool) {
        #expect(PerlText.isOne(text, of: ["yes", "on"]) == isWord)
    }

    @Test(
        "An expression costs neither memory nor the process",
        arguments: [nested(200, ")*"), nested(60_000, ")"), nested(6, "){999}"), "x{30000}"])
    func costly(text: String) {
        let time = ContinuousClock().measure { #expect(!PerlText.isOne(text, of: ["yes", "x"])) }
        #expect(time < .seconds(5))
    }
}
