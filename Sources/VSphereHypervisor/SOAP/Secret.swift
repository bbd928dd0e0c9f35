/// A text that must not be seen: it prints as stars, and is in no state file.
struct Secret: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let text: String

    init(_ text: String) {
        self.text = text
    }

    /// The text itself, for the one place that needs it.
    func reveal() -> String { text }

    var description: String { "***" }
    var debugDescription: String { "***" }
    /// `dump` shows nothing either.
    var customMirror: Mirror { Mirror(self, children: []) }
}
