import Hypervisor
import Testing
import XMLTree

@testable import VSphereHypervisor

@Suite("SOAP calls")
struct CallTests {
    @Test("Whatever a name holds, it arrives as it is")
    func escaping() throws {
        let name = "a<b>&\"'\u{1}\u{2028}]]>\n ü🦉"
        let call = SOAPCall("Rename", on: MoRef("VirtualMachine", "vm@1/x:y\""), [XMLElement("name", text: name)])
        let read = try XMLElement.parse(call.envelope, namespace: SOAPNamespaces.vim)
        let body = try required(read.first("{\(SOAPNamespaces.envelope)}Body", "Rename"))
        #expect(body.value("name") == name.replacing("\u{1}", with: "\u{FFFD}"))
        #expect(MoRef(body.first("_this")) == MoRef("VirtualMachine", "vm@1/x:y\""))
    }

    @Test("A snapshot is asked for quiesced or with memory, in the words of the server's version")
    func creation() throws {
        func call(_ version: String, _ strategy: CreateSnapshotCall) throws -> (String, XMLElement) {
            let call = strategy.call(isExtended: try required(APIVersion(version)).hasSnapshotEx)
            return (call.method, XMLElement("c", children: call.arguments))
        }
        let quiesce = CreateSnapshotCall(vm: .vm("vm-1"), name: "stillpoint R", strategy: .quiesce)
        let memory = CreateSnapshotCall(vm: .vm("vm-1"), name: "stillpoint R", strategy: .memory)
        let (new, newArguments) = try call("6.5", quiesce)
        #expect(new == "CreateSnapshotEx_Task")
        #expect(newArguments.children.map(\.name) == ["name", "description", "memory", "quiesceSpec"])
        #expect(newArguments.value("memory") == "false")
        let (old, oldArguments) = try call("6.0", quiesce)
        #expect(old == "CreateSnapshot_Task")
        #expect(oldArguments.value("quiesce") == "true")
        let (_, memoryArguments) = try call("8.0", memory)
        #expect(memoryArguments.value("memory") == "true")
        #expect(memoryArguments.first("quiesceSpec") == nil)
    }
}
