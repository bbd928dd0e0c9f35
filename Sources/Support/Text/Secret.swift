/// A text that must not be seen: it prints as stars, and is in no state file.
package struct Secret: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let text: String

    package init(_ text: String) {
        self.text = text
    }

    /// The text itself, for the one place that needs it.
    package func reveal() -> String { text }

    package var description: String { "***" }
    package var debugDescription: String { "***" }
    /// `dump` shows nothing either.
    package var customMirror: Mirror { Mirror(self, children: []) }
}
