import Testing
import XMLTree

@testable import VSphereHypervisor

@Suite("Faults")
struct FaultTests {
    @Test(
        "Faults are sorted for the caller",
        arguments: [
            ("TaskInProgress", FaultKind.transient), ("FileLocked", .transient), ("ConcurrentAccess", .transient),
            ("HostCommunication", .transient), ("HostNotReachable", .transient), ("ResourceInUse", .transient),
            ("Timedout", .transient), ("ApplicationQuiesceFault", .quiesce), ("FilesystemQuiesceFault", .quiesce),
            ("SnapshotFault", .quiesce), ("ToolsUnavailable", .quiesce), ("NotAuthenticated", .session),
            ("ManagedObjectNotFound", .missing), ("NotSupported", .permanent), ("NoPermission", .permanent),
            ("InvalidPowerState", .permanent), ("NoDiskSpace", .permanent), ("NeverHeardOfIt", .permanent),
        ])
    func sorting(_ name: String, _ kind: FaultKind) {
        #expect(VimFault(name: name).kind == kind)
    }

    private func failure(_ body: String, status: Int = 500) -> CallFailure? {
        let answer = HTTPResponse(status: status, body: soap(body), cookie: nil)
        do {
            _ = try answer.result(from: "https://vc.test/sdk")
            return nil
        } catch {
            return error
        }
    }

    @Test("A fault is known by its type, whichever prefix says it")
    func prefixes() {
        let detail = """
            <soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>busy</faultstring><detail>\
            <v:TaskInProgressFault xmlns:v="urn:vim25" xmlns:XMLSchema-instance="http://www.w3.org/2001/XMLSchema-instance" \
            XMLSchema-instance:type="v:TaskInProgress"><v:task type="Task">task-1</v:task></v:TaskInProgressFault></detail>\
            </soapenv:Fault>
            """
        #expect(failure(detail)?.fault?.name == "TaskInProgress")
        #expect(failure(detail)?.isTransient == true)
    }

    @Test("A fault without a type is known by its element's name")
    func elementName() {
        let detail = """
            <soapenv:Fault><faultstring>x</faultstring><detail><ApplicationQuiesceFaultFault xmlns="urn:vim25"/></detail>\
            </soapenv:Fault>
            """
        #expect(failure(detail)?.fault?.name == "ApplicationQuiesceFault")
    }

    @Test("A privilege that lacks is named")
    func privilege() {
        let fault = faultXML(
            "NoPermission",
            "<object type=\"VirtualMachine\">vm-1</object><privilegeId>VirtualMachine.State.CreateSnapshot</privilegeId>"
        )
        #expect(failure(fault)?.fault?.privilege == "VirtualMachine.State.CreateSnapshot")
        #expect(failure(fault)?.fault?.object == .vm("vm-1"))
        #expect(failure(fault)?.message.hasSuffix("the privilege VirtualMachine.State.CreateSnapshot") == true)
    }

    @Test("A task's fault has the words of host and guest")
    func taskFault() throws {
        let error = try XMLElement.parse(
            Array(
                """
                <val xmlns="urn:vim25" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><fault \
                xsi:type="ApplicationQuiesceFault"><faultMessage><key>k</key><message>The guest said no.</message>\
                </faultMessage></fault><localizedMessage>An error occurred.</localizedMessage></val>
                """.utf8), namespace: SOAPNamespaces.vim)
        let fault = VimFault(localized: error)
        #expect(fault.description == "ApplicationQuiesceFault (An error occurred. The guest said no.)")
    }

    @Test("A fault's words cannot forge a line of the log")
    func forging() {
        let fault = VimFault(name: "X", message: "a\nstillpoint: all is well\u{1b}[2J")
        #expect(!fault.description.contains { $0.isNewline || $0 == "\u{1b}" })
    }

    @Test("HTTP errors without SOAP are told apart", arguments: [(503, true), (500, true), (404, false), (401, false)])
    func http(_ status: Int, _ isTransient: Bool) {
        let answer = HTTPResponse(status: status, body: Array("busy".utf8), cookie: nil)
        let failure = #expect(throws: CallFailure.self) { try answer.result(from: "https://vc.test/sdk") }
        #expect(failure?.kind == .http(status))
        #expect(failure?.isTransient == isTransient)
    }
}
