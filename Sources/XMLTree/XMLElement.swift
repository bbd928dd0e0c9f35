/// One element of an XML document: a value that can be searched, changed and written back.
///
/// Names keep their prefix as written (`qemu:commandline`), and namespace declarations stay among the
/// attributes, so that a document which is read and written again means the same.
public struct XMLElement: Sendable, Equatable {
    /// What stands between the start and the end tag.
    public enum Content: Sendable, Equatable {
        case element(XMLElement)
        case text(String)
    }

    /// An attribute; order is kept.
    public struct Attribute: Sendable, Equatable {
        /// The name as written, prefix included.
        public let name: String
        /// The value, unescaped.
        public var value: String
    }

    /// The name as written, prefix included.
    public var name: String
    /// The attributes in document order.
    public var attributes: [Attribute]
    /// Elements and text in document order.
    public var content: [Content]

    /// An element with the given attributes and children.
    public init(_ name: String, _ attributes: KeyValuePairs<String, String> = [:], children: [XMLElement] = []) {
        self.name = name
        self.attributes = attributes.map { Attribute(name: $0.key, value: $0.value) }
        self.content = children.map { .element($0) }
    }

    /// An element that holds text only.
    public init(_ name: String, _ attributes: KeyValuePairs<String, String> = [:], text: String) {
        self.init(name, attributes)
        content = [.text(text)]
    }

    init(name: String, attributes: [Attribute]) {
        self.name = name
        self.attributes = attributes
        self.content = []
    }

    /// The attribute's value; setting nil removes the attribute.
    public subscript(attribute: String) -> String? {
        get { attributes.first { $0.name == attribute }?.value }
        set {
            let index = attributes.firstIndex { $0.name == attribute }
            switch (index, newValue) {
            case (let index?, let value?): attributes[index].value = value
            case (let index?, nil): attributes.remove(at: index)
            case (nil, let value?): attributes.append(Attribute(name: attribute, value: value))
            case (nil, nil): break
            }
        }
    }

    /// The child elements in document order.
    public var children: [XMLElement] {
        content.compactMap {
            guard case .element(let element) = $0 else { return nil }
            return element
        }
    }

    /// The children of that name.
    public func children(named name: String) -> [XMLElement] {
        children.filter { $0.name == name }
    }

    /// The first child reached by following the names, one level each.
    public func first(_ path: String...) -> XMLElement? {
        var element = self
        for name in path {
            guard let next = element.child(name) else { return nil }
            element = next
        }
        return element
    }

    // Most searches are for one child of many: no array of them is made.
    private func child(_ name: String) -> XMLElement? {
        for case .element(let element) in content where element.name == name {
            return element
        }
        return nil
    }

    /// All text directly within the element, white space at both ends cut.
    public var text: String {
        let whole = content.reduce(into: "") { text, piece in
            if case .text(let part) = piece { text += part }
        }
        // By bytes: walking over characters took a third of what reading a definition takes.
        guard let first = whole.utf8.firstIndex(where: { !$0.isSpace }),
            let last = whole.utf8.lastIndex(where: { !$0.isSpace })
        else { return "" }
        return String(decoding: whole.utf8[first...last], as: UTF8.self)
    }
}

extension UInt8 {
    /// White space as XML has it (XML 1.0, production S).
    fileprivate var isSpace: Bool { self == 0x20 || (0x09...0x0A).contains(self) || self == 0x0D }
}
