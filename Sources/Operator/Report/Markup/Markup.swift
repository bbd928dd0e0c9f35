/// A piece of an HTML page, in UTF-8.
///
/// What comes from outside gets into it as `text` and as a value of an attribute, and both are escaped. What is written
/// as it is must be a `StaticString`, which only a literal of this program can be: anything else does not compile.
struct Markup: Sendable {
    private(set) var bytes: [UInt8] = []

    /// Adds HTML that stands in this program's source.
    mutating func fixed(_ literal: StaticString) {
        literal.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    /// Adds text.
    mutating func text(_ text: String) { MarkupEscape.append(text, to: &bytes) }

    /// Adds an element and what is in it.
    mutating func element(
        _ tag: MarkupTag, _ attributes: MarkupAttribute..., content: (inout Markup) -> Void = { _ in }
    ) {
        element(tag, attributes: attributes, content: content)
    }

    /// The same with attributes that are in a list.
    mutating func element(
        _ tag: MarkupTag, attributes: [MarkupAttribute], content: (inout Markup) -> Void = { _ in }
    ) {
        begin(tag, attributes)
        guard !tag.isVoid else { return }
        content(&self)
        end(tag)
    }

    /// Adds an element that holds nothing but text.
    mutating func element(_ tag: MarkupTag, _ attributes: MarkupAttribute..., text: String) {
        begin(tag, attributes)
        self.text(text)
        end(tag)
    }

    /// Adds text in which code stands between backticks, as in docs/.
    mutating func prose(_ text: String) {
        for (place, part) in text.split(separator: "`", omittingEmptySubsequences: false).enumerated() {
            if place.isMultiple(of: 2) {
                self.text(String(part))
            } else {
                element(.code, text: String(part))
            }
        }
    }

    /// Adds a name that somebody else chose: whatever its direction, it does not turn what stands around it.
    mutating func name(_ name: String) { element(.bdi, text: name) }

    private mutating func begin(_ tag: MarkupTag, _ attributes: [MarkupAttribute]) {
        bytes.append(UInt8(ascii: "<"))
        bytes.append(contentsOf: tag.rawValue.utf8)
        for attribute in attributes { attribute.append(to: &bytes) }
        bytes.append(UInt8(ascii: ">"))
    }

    private mutating func end(_ tag: MarkupTag) {
        bytes.append(UInt8(ascii: "<"))
        bytes.append(UInt8(ascii: "/"))
        bytes.append(contentsOf: tag.rawValue.utf8)
        bytes.append(UInt8(ascii: ">"))
    }
}
