internal import XMLTree

/// What an element may be made of when nobody vouches for it: all else is left out.
struct ElementRule: Sendable {
    /// What a value may be.
    typealias ValueRule = @Sendable (String) -> Bool

    var attributes: [String: ValueRule] = [:]
    var children: [String: ElementRule] = [:]
    var text: ValueRule?
    /// What the element must be, or all of it is left out.
    var condition: @Sendable (XMLElement) -> Bool = { _ in true }

    init(
        _ attributes: [String: ValueRule] = [:], _ children: [String: ElementRule] = [:], text: ValueRule? = nil,
        where condition: @escaping @Sendable (XMLElement) -> Bool = { _ in true }
    ) {
        self.attributes = attributes
        self.children = children
        self.text = text
        self.condition = condition
    }

    /// A new element with what is allowed of another; nil where it is none of that kind.
    /// - Parameters:
    ///   - path: of the element, for people.
    ///   - leftOut: gets the paths of what is not allowed.
    func filtered(_ element: XMLElement, _ path: String, _ leftOut: inout [String]) -> XMLElement? {
        guard condition(element) else {
            leftOut.append(path)
            return nil
        }
        var result = XMLElement(element.name)
        for attribute in element.attributes {
            if let rule = attributes[attribute.name], rule(attribute.value), result[attribute.name] == nil {
                result[attribute.name] = attribute.value
            } else {
                leftOut.append("\(path)/@\(attribute.name)")
            }
        }
        if let text, !element.text.isEmpty {
            if text(element.text) { result.content.append(.text(element.text)) } else { leftOut.append("\(path)/text") }
        }
        for child in element.children {
            let place = "\(path)/\(child.name)"
            guard let rule = children[child.name] else {
                leftOut.append(place)
                continue
            }
            if let kept = rule.filtered(child, place, &leftOut) { result.content.append(.element(kept)) }
        }
        return result
    }
}

// MARK: values

extension ElementRule {
    /// Letters, digits and `. _ : + , -`: no path, no list of options, no blank.
    static let word: ValueRule = { text in
        !text.isEmpty && text.utf8.count <= 128
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: ":"),
                    UInt8(ascii: "+"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    static let number: ValueRule = { text in
        !text.isEmpty && text.utf8.count <= 20 && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
    }

    /// A UUID in either of its forms.
    static let uuid: ValueRule = { text in
        let digits = text.utf8.filter { $0 != UInt8(ascii: "-") }
        return text.utf8.count <= 36 && digits.count == 32
            && digits.allSatisfy { Character(Unicode.Scalar($0)).isHexDigit }
    }

    /// A list of numbers and ranges: `0-3,^2`.
    static let numbers: ValueRule = { text in
        !text.isEmpty && text.utf8.count <= 256 && text.utf8.allSatisfy { "0123456789-,^".utf8.contains($0) }
    }

    static func oneOf(_ words: String...) -> ValueRule { { [words] text in words.contains(text) } }

    static func words(_ names: String...) -> [String: ValueRule] {
        Dictionary(names.map { ($0, word) }) { first, _ in first }
    }

    /// Elements with nothing but words as attributes.
    static func plain(_ names: String...) -> ElementRule { ElementRule(Dictionary(names.map { ($0, word) }) { $1 }) }

    static func plainText(_ rule: @escaping ValueRule, _ names: String...) -> ElementRule {
        ElementRule(Dictionary(names.map { ($0, word) }) { $1 }, text: rule)
    }
}
