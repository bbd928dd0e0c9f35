import Hypervisor
import Testing
import XMLTree

@testable import LibvirtHypervisor

@Suite("A definition that names overlays")
struct BaseDefinitionTests {
    private let definition = BaseDefinition(disks: [
        HeldDisk(target: "vda", base: "/tank/a b.raw", baseFormat: "raw", overlay: "/o/a.qcow2"),
        HeldDisk(target: "vdb", base: "/dev/zvol/tank/b", baseFormat: "raw", overlay: "/o/b.qcow2"),
        HeldDisk(target: "vdc", base: "/tank/c.qcow2", baseFormat: "qcow2", overlay: "/o/c.qcow2"),
    ])

    @Test(
        "gets the bases back, whatever lies above and below",
        arguments: [
            (
                "<disk type='file'><driver name='qemu' type='qcow2' cache='none'/><source file='/o/a.qcow2' index='4'/>"
                    + "<target dev='vda'/></disk>",
                "<disk type='file'><driver name='qemu' type='raw' cache='none'/><source file='/tank/a b.raw'/>"
                    + "<target dev='vda'/></disk>"
            ),
            (
                "<disk type='file'><driver type='qcow2'/><source file='/o/b.qcow2'/></disk>",
                "<disk type='block'><driver type='raw'/><source dev='/dev/zvol/tank/b'/></disk>"
            ),
            (
                "<disk type='file'><driver type='qcow2'/><source file='/o/c.qcow2'/><backingStore type='file'>"
                    + "<format type='qcow2'/><source file='/tank/c.qcow2'/><backingStore type='file'>"
                    + "<format type='raw'/><source file='/tank/d'/><backingStore/></backingStore></backingStore></disk>",
                "<disk type='file'><driver type='qcow2'/><source file='/tank/c.qcow2'/><backingStore type='file'>"
                    + "<format type='raw'/><source file='/tank/d'/><backingStore/></backingStore></disk>"
            ),
            (
                "<disk type='file'><driver type='qcow2'/><source file='/s/theirs'/><backingStore type='file'>"
                    + "<format type='qcow2'/><source file='/o/a.qcow2'/><backingStore type='file'><format type='raw'/>"
                    + "<source file='/tank/a b.raw'/><backingStore/></backingStore></backingStore></disk>",
                "<disk type='file'><driver type='qcow2'/><source file='/s/theirs'/><backingStore type='file'>"
                    + "<format type='raw'/><source file='/tank/a b.raw'/><backingStore/></backingStore></disk>"
            ),
            (
                "<disk type='file'><driver type='raw'/><source file='/tank/other.raw'/></disk>",
                "<disk type='file'><driver type='raw'/><source file='/tank/other.raw'/></disk>"
            ),
        ])
    func rewritten(disk: String, expected: String) throws {
        let around = { (disk: String) in "<domain><name>n</name><devices>\(disk)</devices></domain>" }
        let before = try XMLElement.parse(around(disk))
        let after = definition.rewritten(before)
        #expect(after == (try XMLElement.parse(around(expected))))
        #expect(definition.rewritten(after) == after)
    }
}
