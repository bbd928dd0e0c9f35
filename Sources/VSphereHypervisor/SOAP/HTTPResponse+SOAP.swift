internal import XMLTree

extension HTTPResponse {
    /// The element of the SOAP body that answers a call.
    /// - Throws: CallFailure: the server's fault, an HTTP error without one, or what is no SOAP.
    func result(from url: String) throws(CallFailure) -> XMLElement {
        let root: XMLElement
        do {
            root = try XMLElement.parse(body, namespace: SOAPNamespaces.vim)
        } catch {
            if let failure = httpFailure(url) { throw failure }
            throw CallFailure(.garbled, "\(url) does not answer in SOAP (\(error)); check url, it must end in /sdk")
        }
        guard root.name == "{\(SOAPNamespaces.envelope)}Envelope",
            let content = root.first("{\(SOAPNamespaces.envelope)}Body")?.children.first
        else {
            if let failure = httpFailure(url) { throw failure }
            throw CallFailure(.garbled, "\(url) does not answer in SOAP; check url, it must end in /sdk")
        }
        if content.name == "{\(SOAPNamespaces.envelope)}Fault" { throw CallFailure(VimFault(soap: content)) }
        if let failure = httpFailure(url) { throw failure }
        return content
    }

    private func httpFailure(_ url: String) -> CallFailure? {
        guard !(200..<300).contains(status) else { return nil }
        let fix =
            switch status {
            case 300..<400: ": the address is another one"
            case 401, 403: ": access is refused before any login"
            case 404: ": there is no vSphere API at this address; url must look like https://vc1.example.com/sdk"
            case 503: ": its service is starting, or too busy"
            default: ""
            }
        return CallFailure(.http(status), "\(url) answers with HTTP status \(status)\(fix)")
    }
}
