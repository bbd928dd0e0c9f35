/// The one place in which text becomes HTML, between tags and in quoted values alike.
enum MarkupEscape {
    /// Adds text so that a browser shows it and reads nothing in it as markup.
    ///
    /// What the HTML Standard (13.2.3.5, preprocessing the input stream) calls an error, control characters and
    /// noncharacters, becomes U+FFFD; so does a carriage return, which a browser would make another character of.
    static func append(_ text: String, to bytes: inout [UInt8]) {
        var text = text
        let isPlain = text.withUTF8 { utf8 -> Bool in
            guard utf8.allSatisfy({ plain[Int($0)] }) else { return false }
            bytes.append(contentsOf: utf8)
            return true
        }
        if isPlain { return }
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": bytes.append(contentsOf: "&amp;".utf8)
            case "<": bytes.append(contentsOf: "&lt;".utf8)
            case ">": bytes.append(contentsOf: "&gt;".utf8)
            case "\"": bytes.append(contentsOf: "&quot;".utf8)
            case "'": bytes.append(contentsOf: "&#39;".utf8)
            default: bytes.append(contentsOf: String(isError(scalar) ? "\u{FFFD}" : scalar).utf8)
            }
        }
    }

    /// Of each byte, whether it stands for itself in text and in values: visible ASCII but for five, and the blank.
    private static let plain: [Bool] = (0..<256).map { byte in
        (0x20..<0x7f).contains(byte) && !#"&<>"'"#.utf8.contains(UInt8(byte))
    }

    private static func isError(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09, 0x0a: false
        case 0x00..<0x20, 0x7f..<0xa0, 0xfdd0...0xfdef: true
        default: scalar.value & 0xfffe == 0xfffe
        }
    }
}
