import Hypervisor
import TestSupport
import Testing
import XMLTree

@testable import LibvirtHypervisor

@Suite("What a restore will do")
struct RestorePlanTests {
    static let xml = """
        <domain><name>web</name><uuid>c0ffee00-0000-4000-8000-000000000001</uuid><devices>
        <disk type='file'><source file='/tank/a'/><target dev='vda'/></disk>
        <interface type='user'><mac address='52:54:00:aa:bb:cc'/></interface></devices></domain>
        """
    static let moves = [PathMove(from: "/tank/a", to: "/clone/a")]

    private func plan(_ request: RestoreRequest) throws -> RestorePlan {
        try RestorePlan(request) { _, _ in "" }
    }

    @Test("A VM that is put back with its RAM is not rewritten, unless its images moved")
    func putBack() throws {
        try withScratchFolder { scratch in
            let dump = try SaveImageFixture(xml: Array(Self.xml.utf8)).write(scratch)
            let plain = try plan(RestoreRequest(definition: Self.xml, ramDump: dump, power: .running))
            #expect(!plain.isNew && plain.name == "web" && plain.uuid == "c0ffee00-0000-4000-8000-000000000001")
            #expect(plain.dump != nil && plain.dump?.xml == nil)
            #expect(plain.definition == (try XMLElement.parse(Self.xml)))
            let moved = try plan(
                RestoreRequest(definition: Self.xml, moves: Self.moves, ramDump: dump, power: .running))
            #expect(moved.dump?.xml == moved.definition)
            #expect(moved.definition.first("devices", "disk", "source")?["file"] == "/clone/a")
        }
    }

    @Test("A new VM's dump agrees with its definition; links go down in the definition alone")
    func clone() throws {
        try withScratchFolder { scratch in
            let dump = try SaveImageFixture(xml: Array(Self.xml.utf8)).write(scratch)
            let plan = try plan(
                RestoreRequest(
                    definition: Self.xml, moves: Self.moves, newName: "b", ramDump: dump, power: .paused,
                    linksUp: false))
            #expect(plan.isNew && plan.name == "b" && plan.uuid != "c0ffee00-0000-4000-8000-000000000001")
            var definition = plan.definition
            #expect(definition.first("devices", "interface", "link")?["state"] == "down")
            definition.change("devices") { $0.change("interface") { $0.remove("link") } }
            #expect(definition == plan.dump?.xml)
        }
    }

    @Test("RAM is not used where the VM shall be off")
    func off() throws {
        let plan = try plan(RestoreRequest(definition: Self.xml, ramDump: "/nonexistent", power: .off))
        #expect(plan.dump == nil)
    }

    @Test("A dump that is incomplete, none, or another VM's is refused, by name")
    func badDumps() throws {
        try withScratchFolder { scratch in
            let other = Self.xml.split(separator: "c0ffee").joined(separator: "d0ffee")
            let dumps = [
                try SaveImageFixture(magic: "LibvirtQemudPart").write(scratch, "part"),
                try scratch.write("text", "some text"),
                try SaveImageFixture(xml: Array(other.utf8)).write(scratch, "other"),
                try SaveImageFixture(xml: Array("<domain>".utf8)).write(scratch, "broken"),
                scratch.path + "/none",
            ]
            for dump in dumps {
                let error = #expect(throws: HypervisorError.self) {
                    try plan(RestoreRequest(definition: Self.xml, ramDump: dump, power: .running))
                }
                #expect(error?.remedy == .stop)
                #expect(error?.message.contains(dump) == true)
            }
        }
    }

    @Test(
        "A definition that is none is refused",
        arguments: ["", "no XML", "<network/>", "<domain><name>a</name></domain>", "<domain><uuid>a</uuid></domain>"])
    func badDefinition(definition: String) {
        let error = #expect(throws: HypervisorError.self) {
            try plan(RestoreRequest(definition: definition, power: .off))
        }
        #expect(error?.remedy == .stop)
    }
}
