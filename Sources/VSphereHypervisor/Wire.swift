internal import XMLTree

/// The names that the vSphere Web Services speak in.
enum Wire {
    static let envelope = "http://schemas.xmlsoap.org/soap/envelope/"
    static let instance = "http://www.w3.org/2001/XMLSchema-instance"
    /// The namespace of the API's own elements.
    static let vim = "urn:vim25"
}

extension XMLElement {
    /// An element of a call that has a type of its own, which the server does not know from its place.
    init(_ name: String, type: String, children: [XMLElement]) {
        self.init(name, ["xsi:type": type], children: children)
    }

    /// What xsi:type says, without its prefix: servers choose prefixes freely, and the names are unambiguous.
    var instanceType: String? {
        self["{\(Wire.instance)}type"].map { type in
            type.split(separator: ":").last.map(String.init) ?? type
        }
    }

    /// The text of the first child of that name.
    func value(_ name: String) -> String? { first(name)?.wholeText }

    /// Whether the first child of that name says yes.
    func isTrue(_ name: String) -> Bool { ["true", "1"].contains(value(name)) }
}
