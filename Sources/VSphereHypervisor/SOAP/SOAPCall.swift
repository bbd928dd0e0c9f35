internal import XMLTree

/// A method of one of the server's objects, with its arguments in the order of the API.
struct SOAPCall: Sendable {
    let method: String
    let target: MoRef
    let arguments: [XMLElement]
    /// It changes nothing, so it may be sent again when its answer got lost.
    let isRepeatable: Bool

    init(_ method: String, on target: MoRef, _ arguments: [XMLElement] = [], isRepeatable: Bool = false) {
        self.method = method
        self.target = target
        self.arguments = arguments
        self.isRepeatable = isRepeatable
    }

    /// The SOAP envelope, everything escaped.
    var envelope: [UInt8] {
        let call = XMLElement(method, ["xmlns": SOAPNamespaces.vim], children: [target.element("_this")] + arguments)
        let envelope = XMLElement(
            "soapenv:Envelope", ["xmlns:soapenv": SOAPNamespaces.envelope, "xmlns:xsi": SOAPNamespaces.instance],
            children: [XMLElement("soapenv:Body", children: [call])])
        return Array("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\(envelope)".utf8)
    }
}
