import JSON
import Testing

@testable import RunState

@Suite("A run's id")
struct RunIDTests {
    @Test(
        "is a time and six digits, and so no path and no line",
        arguments: [
            ("20261121T110000Z-1f3c9a", true), ("20261121T110000Z-1F3C9A", false), ("20261121T110000Z-1f3c9", false),
            ("20261121T110000Z-1f3c9a0", false), ("20261121T110000Z-1f3c9a/", false),
            ("20261121T110000Z-1f3c9a\n", false),
            ("../../../../some/where/", false), ("20261121T110000Z-../../", false), ("20261121T1100/0Z-1f3c9a", false),
            ("", false), ("..", false), ("２0261121T110000Z-1f3c9a", false), ("20261121T110000Z-1f3c9\u{0}", false),
        ])
    func form(text: String, isID: Bool) throws {
        #expect((RunID(text) != nil) == isID)
        let decoded = try? JSON.decode([RunID].self, from: JSON.encode([text]))
        #expect((decoded?.first?.text == text) == isID)
    }
}
