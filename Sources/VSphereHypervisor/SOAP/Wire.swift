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

    /// A name that an object was given, as its owner wrote it; see `unescaped`.
    func name(_ name: String) -> String? { value(name).map(unescaped) }

    /// Whether the first child of that name says yes.
    func isTrue(_ name: String) -> Bool { ["true", "1"].contains(value(name)) }
}

/// A name as its owner wrote it: the API keeps `/`, `\` and `%` of the names of VMs, datastores and snapshots as `%2f`,
/// `%5c` and `%25` (ManagedEntity.name). Once: a VM may be called `50%25`. Paths of files are not escaped.
func unescaped(_ name: String) -> String {
    var result: [UInt8] = []
    var rest = Array(name.utf8)[...]
    while let byte = rest.popFirst() {
        switch (byte, rest.prefix(2).map { $0 | 0x20 }) {
        case (UInt8(ascii: "%"), Array("2f".utf8)): result.append(UInt8(ascii: "/"))
        case (UInt8(ascii: "%"), Array("5c".utf8)): result.append(UInt8(ascii: "\\"))
        case (UInt8(ascii: "%"), [0x32, 0x35]): result.append(UInt8(ascii: "%"))
        default:
            result.append(byte)
            continue
        }
        rest = rest.dropFirst(2)
    }
    return String(decoding: result, as: UTF8.self)
}
