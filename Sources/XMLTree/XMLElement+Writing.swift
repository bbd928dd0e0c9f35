extension XMLElement: CustomStringConvertible {
    /// The element as XML text, everything escaped; no declaration, no white space added.
    public var description: String {
        var text = ""
        write(to: &text)
        return text
    }

    private func write(to text: inout String) {
        text += "<\(name)"
        for attribute in attributes {
            text += " \(attribute.name)=\"\(escaped(attribute.value, inAttribute: true))\""
        }
        guard !content.isEmpty else {
            text += "/>"
            return
        }
        text += ">"
        for piece in content {
            switch piece {
            case .element(let element): element.write(to: &text)
            case .text(let string): text += escaped(string, inAttribute: false)
            }
        }
        text += "</\(name)>"
    }
}

/// White space in an attribute is written as references, or the reader would fold a newline into a space.
/// Other control characters do not exist in XML 1.0 and become U+FFFD.
private func escaped(_ string: String, inAttribute: Bool) -> String {
    var result = ""
    result.reserveCapacity(string.utf8.count)
    for scalar in string.unicodeScalars {
        switch scalar {
        case "&": result += "&amp;"
        case "<": result += "&lt;"
        case ">": result += "&gt;"
        case "\"" where inAttribute: result += "&quot;"
        case "\r": result += "&#13;"
        case "\n" where inAttribute, "\t" where inAttribute: result += "&#\(scalar.value);"
        case "\n", "\t": result.unicodeScalars.append(scalar)
        case "\u{0}"..<" ", "\u{FFFE}", "\u{FFFF}": result += "\u{FFFD}"
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result
}
