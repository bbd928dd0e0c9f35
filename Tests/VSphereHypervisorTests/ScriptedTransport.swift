import Hypervisor
import Synchronization
import XMLTree

@testable import VSphereHypervisor

/// A server in the test's own process: each call is handed to a closure that says what comes back.
final class ScriptedTransport: Transport {
    /// A call as the server reads it.
    struct Received: Sendable {
        let method: String
        let target: String
        let body: XMLElement
        let action: String
        let cookie: String?

        /// The text of one of its arguments.
        func argument(_ name: String) -> String? { body.value(name) }
    }

    /// What the server does with a call.
    enum Reply: Sendable {
        /// The inside of the answering element.
        case result(String)
        /// A fault of that type.
        case fault(String, more: String = "")
        /// HTTP alone.
        case status(Int)
        /// These very bytes.
        case raw(String)
        /// The connection breaks.
        case dropped
        /// Nobody is there to connect to.
        case unreachable
        /// No answer, for as long as it may take.
        case silence
    }

    private let reply: @Sendable (Received, ScriptedTransport) -> Reply
    private let log = Mutex<[Received]>([])

    init(_ reply: @escaping @Sendable (Received, ScriptedTransport) -> Reply) {
        self.reply = reply
    }

    /// All calls so far.
    var received: [Received] { log.withLock { $0 } }

    /// How often a method was called so far.
    func count(_ method: String) -> Int { received.count { $0.method == method } }

    func post(_ message: HTTPRequest, within limit: Duration) async throws -> HTTPResponse {
        let envelope = try XMLElement.parse(message.body, namespace: SOAPNamespaces.vim)
        let body = try required(envelope.first("{\(SOAPNamespaces.envelope)}Body")?.children.first)
        let call = Received(
            method: body.name, target: body.value("_this") ?? "", body: body, action: message.action,
            cookie: message.cookie)
        log.withLock { $0.append(call) }
        switch reply(call, self) {
        case .result(let inside):
            return HTTPResponse(
                status: 200,
                body: soap("<\(call.method)Response xmlns=\"urn:vim25\">\(inside)</\(call.method)Response>"),
                cookie: call.method == "Login" ? "vmware_soap_session=\(count("Login"))" : nil)
        case .fault(let name, let more):
            return HTTPResponse(status: 500, body: soap(faultXML(name, more)), cookie: nil)
        case .status(let status): return HTTPResponse(status: status, body: [], cookie: nil)
        case .raw(let text): return HTTPResponse(status: 200, body: Array(text.utf8), cookie: nil)
        case .silence: throw CallFailure(.timedOut, "no answer")
        case .unreachable: throw CallFailure(.unreachable, "nobody answers")
        case .dropped: throw CallFailure(.dropped, "the connection broke")
        }
    }

    func close() {}
}

/// An envelope around a body.
func soap(_ inside: String) -> [UInt8] {
    Array(
        """
        <?xml version="1.0" encoding="UTF-8"?>
        <soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" \
        xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">
        <soapenv:Body>\(inside)</soapenv:Body></soapenv:Envelope>
        """.utf8)
}

func faultXML(_ name: String, _ more: String = "") -> String {
    """
    <soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>The server says \(name).</faultstring><detail>\
    <\(name)Fault xmlns="urn:vim25" xsi:type="\(name)">\(more)</\(name)Fault></detail></soapenv:Fault>
    """
}

/// What RetrieveServiceContent returns.
let serviceContentXML = """
    <returnval><rootFolder type="Folder">group-d1</rootFolder><propertyCollector type="PropertyCollector">pc\
    </propertyCollector><viewManager type="ViewManager">vm</viewManager><about><name>VMware vCenter Server</name>\
    <fullName>VMware vCenter Server 8.0.2</fullName><apiVersion>8.0.2.0</apiVersion></about>\
    <sessionManager type="SessionManager">sm</sessionManager><taskManager type="TaskManager">tm</taskManager></returnval>
    """

/// The value, or a failed test.
func required<Value>(_ value: Value?) throws -> Value {
    guard let value else { throw MissingValue() }
    return value
}

struct MissingValue: Error {}
