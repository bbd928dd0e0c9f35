internal import XMLTree

/// A method of one of the server's objects, with its arguments in the order of the API.
struct Call: Sendable {
    let method: String
    let target: Reference
    let arguments: [XMLElement]
    /// It changes nothing, so it may be sent again when its answer got lost.
    let isRepeatable: Bool

    init(_ method: String, on target: Reference, _ arguments: [XMLElement] = [], isRepeatable: Bool = false) {
        self.method = method
        self.target = target
        self.arguments = arguments
        self.isRepeatable = isRepeatable
    }

    /// The SOAP envelope, everything escaped.
    var envelope: [UInt8] {
        let call = XMLElement(method, ["xmlns": Wire.vim], children: [target.element("_this")] + arguments)
        let envelope = XMLElement(
            "soapenv:Envelope", ["xmlns:soapenv": Wire.envelope, "xmlns:xsi": Wire.instance],
            children: [XMLElement("soapenv:Body", children: [call])])
        return Array("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\(envelope)".utf8)
    }
}

extension Answer {
    /// The element of the SOAP body that answers a call.
    /// - Throws: CallFailure: the server's fault, an HTTP error without one, or what is no SOAP.
    func result(from url: String) throws(CallFailure) -> XMLElement {
        let root: XMLElement
        do {
            root = try XMLElement.parse(body, namespace: Wire.vim)
        } catch {
            if let failure = httpFailure(url) { throw failure }
            throw CallFailure(.garbled, "\(url) does not answer in SOAP (\(error)); check url, it must end in /sdk")
        }
        guard root.name == "{\(Wire.envelope)}Envelope",
            let content = root.first("{\(Wire.envelope)}Body")?.children.first
        else {
            if let failure = httpFailure(url) { throw failure }
            throw CallFailure(.garbled, "\(url) answers with something else than SOAP; check url, it must end in /sdk")
        }
        if content.name == "{\(Wire.envelope)}Fault" { throw CallFailure(VimFault(soap: content)) }
        if let failure = httpFailure(url) { throw failure }
        return content
    }

    private func httpFailure(_ url: String) -> CallFailure? {
        guard !(200..<300).contains(status) else { return nil }
        let mend =
            switch status {
            case 300..<400: ": the address is another one"
            case 401, 403: ": access is refused before any login"
            case 404: ": there is no vSphere API at this address; url must look like https://vc1.example.com/sdk"
            case 503: ": its service is starting, or too busy"
            default: ""
            }
        return CallFailure(.http(status), "\(url) answers with HTTP status \(status)\(mend)")
    }
}
