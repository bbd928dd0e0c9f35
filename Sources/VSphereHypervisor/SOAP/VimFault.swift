internal import Support
internal import XMLTree

/// A fault as the server reports it, of a call or of a task.
struct VimFault: Error, Sendable, CustomStringConvertible {
    /// Its type: `TaskInProgress`.
    let name: String
    /// The server's own words, if it found any.
    let message: String
    /// What the fault is about: the object that was not found, or on which a privilege lacks.
    let object: MoRef?
    /// The privilege that lacks: `VirtualMachine.State.CreateSnapshot`.
    let privilege: String?

    init(name: String, message: String = "", object: MoRef? = nil, privilege: String? = nil) {
        self.name = name
        self.message = message
        self.object = object
        self.privilege = privilege
    }

    /// A SOAP fault. Its detail names the type by xsi:type, or by the element's name, which ends in `Fault`.
    init(soap: XMLElement) {
        let detail = soap.first("detail")?.children.first
        var name = detail?.instanceType
        if name == nil, let element = detail?.name {
            name = element.hasSuffix("Fault") ? String(element.dropLast(5)) : element
        }
        self.init(name ?? "SOAPFault", detail, message: soap.value("faultstring"))
    }

    /// The error of a task: a LocalizedMethodFault.
    init(localized: XMLElement) {
        let fault = localized.first("fault")
        self.init(fault?.instanceType ?? "UnknownFault", fault, message: localized.value("localizedMessage"))
    }

    private init(_ name: String, _ detail: XMLElement?, message: String?) {
        var words = [message ?? ""]
        // What the host, or the guest's tools, said.
        for more in detail?.children(named: "faultMessage") ?? [] { words.append(more.value("message") ?? "") }
        var distinct: [String] = []
        for word in words where !word.isEmpty && word != name && !distinct.contains(word) { distinct.append(word) }
        self.init(
            name: name, message: distinct.joined(separator: " "),
            object: MoRef(detail?.first("obj")) ?? MoRef(detail?.first("object")),
            privilege: detail?.value("privilegeId"))
    }

    /// Its type, the server's words, and the fix where there is one.
    var description: String {
        var text = printable(name)
        if !message.isEmpty { text += " (\(printable(message, limit: 300)))" }
        if let privilege { text += "; give the account's role the privilege \(printable(privilege))" }
        return text
    }
}
