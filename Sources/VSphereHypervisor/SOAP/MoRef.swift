internal import XMLTree

/// A managed object reference, by which the server knows one of its objects: compared whole, never taken apart.
struct MoRef: Sendable, Hashable, CustomStringConvertible {
    /// The object's type: `VirtualMachine`.
    let type: String
    /// Its identity on this server: `vm-123`.
    let value: String

    init(_ type: String, _ value: String) {
        self.type = type
        self.value = value
    }

    /// What an element of an answer refers to; nil where it refers to nothing.
    init?(_ element: XMLElement?) {
        guard let element, let type = element["type"] else { return nil }
        self.init(type, element.wholeText)
    }

    /// An element of a call that refers to the object.
    func element(_ name: String) -> XMLElement { XMLElement(name, ["type": type], text: value) }

    var description: String { value }

    static func vm(_ id: String) -> MoRef { MoRef("VirtualMachine", id) }
    static func snapshot(_ id: String) -> MoRef { MoRef("VirtualMachineSnapshot", id) }
    static let serviceInstance = MoRef("ServiceInstance", "ServiceInstance")
}
