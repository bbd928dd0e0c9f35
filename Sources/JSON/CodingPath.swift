internal import Support

/// A step of a coding path that no type has a key for: an element of an array, or a name.
struct PathKey: CodingKey {
    let stringValue: String
    let intValue: Int?

    init(_ name: String) {
        stringValue = name
        intValue = nil
    }

    init(index: Int) {
        stringValue = "\(index)"
        intValue = index
    }

    init?(stringValue: String) { self.init(stringValue) }
    init?(intValue: Int) { self.init(index: intValue) }

    /// Where a class keeps what its superclass writes.
    static let parent = PathKey("super")
}

/// A path as a message shows it: `machines[0].hold`, and `names["a b"]` for a key that is no word.
func text(of path: [any CodingKey]) -> String {
    var text = ""
    for key in path {
        if let index = (key as? PathKey)?.intValue {
            text += "[\(index)]"
        } else if key.stringValue.isEmpty || !key.stringValue.utf8.allSatisfy(isWord) {
            text += "[\"\(printable(key.stringValue, limit: 60))\"]"
        } else {
            text += text.isEmpty ? key.stringValue : ".\(key.stringValue)"
        }
    }
    return text
}

private func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"): true
    default: false
    }
}
