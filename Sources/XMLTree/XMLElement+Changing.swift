extension XMLElement {
    /// All text directly within the element, white space included; setting it replaces everything within.
    public var wholeText: String {
        get {
            content.reduce(into: "") { text, piece in
                if case .text(let part) = piece { text += part }
            }
        }
        set { content = newValue.isEmpty ? [] : [.text(newValue)] }
    }

    /// Changes every child element, or those of one name, where they stand.
    public mutating func change(_ name: String? = nil, _ body: (inout XMLElement) throws -> Void) rethrows {
        for index in content.indices {
            guard case .element(var child) = content[index], name == nil || child.name == name else { continue }
            try body(&child)
            content[index] = .element(child)
        }
    }

    /// Removes the child elements of that name for which `isUnwanted` is true.
    public mutating func remove(_ name: String, where isUnwanted: (XMLElement) -> Bool = { _ in true }) {
        content.removeAll { piece in
            guard case .element(let child) = piece, child.name == name else { return false }
            return isUnwanted(child)
        }
    }

    /// Puts the child in the place of the first one of its name, or at the end where there is none.
    public mutating func put(_ child: XMLElement) {
        let index = content.firstIndex {
            if case .element(let other) = $0 { return other.name == child.name }
            return false
        }
        if let index {
            content[index] = .element(child)
        } else {
            content.append(.element(child))
        }
    }
}
