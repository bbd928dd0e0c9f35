internal import XMLTree

extension XMLElement {
    /// An element of a call that has a type of its own, which the server does not know from its place.
    init(_ name: String, type: String, children: [XMLElement]) {
        self.init(name, ["xsi:type": type], children: children)
    }

    /// What xsi:type says, without its prefix: servers choose prefixes freely, and the names are unambiguous.
    var instanceType: String? {
        self["{\(SOAPNamespaces.instance)}type"].map { type in
            type.split(separator: ":").last.map(String.init) ?? type
        }
    }

    /// The text of the first child of that name.
    func value(_ name: String) -> String? { first(name)?.wholeText }

    /// A name that an object was given, as its owner wrote it; see `unescaped`.
    func name(_ name: String) -> String? { value(name).map(unescaped) }

    /// Whether the first child of that name says yes.
    func isTrue(_ name: String) -> Bool { ["true", "1"].contains(value(name)) }
}
