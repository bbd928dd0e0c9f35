/// An attribute. Its name stands in this program's source; its value is escaped. There is none that runs a script or
/// loads anything: a link leads to an anchor of the same page.
struct MarkupAttribute: Sendable {
    private enum Value: Sendable {
        case text(String)
        case number(Double)
        case percentage(Double, before: StaticString)
        case pixels(Int, before: StaticString)
    }

    private let name: StaticString
    private let value: Value

    private init(_ name: StaticString, _ value: Value) {
        self.name = name
        self.value = value
    }

    static func `class`(_ names: String) -> Self { Self("class", .text(names)) }
    static func id(_ anchor: Anchor) -> Self { Self("id", .text(anchor.text)) }
    static func href(_ anchor: Anchor) -> Self { Self("href", .text("#" + anchor.text)) }
    static func title(_ text: String) -> Self { Self("title", .text(text)) }
    static func label(_ text: String) -> Self { Self("aria-label", .text(text)) }
    static func labelled(by anchor: Anchor) -> Self { Self("aria-labelledby", .text(anchor.text)) }
    /// The other attributes whose values are words of this program.
    static func word(_ name: StaticString, _ value: StaticString) -> Self {
        Self(name, .text(value.withUTF8Buffer { String(decoding: $0, as: UTF8.self) }))
    }
    /// A number in an attribute of SVG.
    static func number(_ name: StaticString, _ value: Double) -> Self { Self(name, .number(value)) }
    /// What a path draws.
    static func shape(_ shape: PathShape) -> Self { Self("d", .text(shape.text)) }
    /// A date that programs can read, `2026-11-21T11:00:00Z`.
    static func dateTime(_ text: String) -> Self { Self("datetime", .text(text)) }
    static func width(percent: Double) -> Self { Self("style", .percentage(percent, before: "width:")) }
    static func width(pixels: Int) -> Self { Self("style", .pixels(pixels, before: "width:")) }

    /// The headings of a table's columns, for the style sheet: `--c1`, `--c2`, …
    static func columns(_ headings: [StaticString]) -> Self {
        let parts = headings.enumerated().map { index, heading in
            let text = heading.withUTF8Buffer { String(decoding: $0, as: UTF8.self) }
            return "--c\(index + 1):'\(text)'"
        }
        return Self("style", .text(parts.joined(separator: ";")))
    }

    static let headsColumn = word("scope", "col")
    static let headsRow = word("scope", "row")
    static let isHidden = word("aria-hidden", "true")

    func append(to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: " "))
        name.withUTF8Buffer { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: #"=""#.utf8)
        switch value {
        case .text(let text): MarkupEscape.append(text, to: &bytes)
        case .number(let number): bytes.append(contentsOf: decimalText(number).utf8)
        case .percentage(let number, let before):
            before.withUTF8Buffer { bytes.append(contentsOf: $0) }
            bytes.append(contentsOf: "\(decimalText(number))%".utf8)
        case .pixels(let number, let before):
            before.withUTF8Buffer { bytes.append(contentsOf: $0) }
            bytes.append(contentsOf: "\(number)px".utf8)
        }
        bytes.append(UInt8(ascii: "\""))
    }
}

/// A number with at most one digit behind the point.
func decimalText(_ number: Double) -> String {
    let tenths = Int((number * 10).rounded())
    let sign = tenths < 0 ? "-" : ""
    let (whole, rest) = tenths.magnitude.quotientAndRemainder(dividingBy: 10)
    return rest == 0 ? "\(sign)\(whole)" : "\(sign)\(whole).\(rest)"
}
