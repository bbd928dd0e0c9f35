import Hypervisor
import TestSupport
import Testing

@testable import LibvirtHypervisor

@Suite("A freeze with RAM")
struct MemoryFreezeTests {
    private static let vda = "<disk type='file'><source file='/tank/a.raw'/><target dev='vda'/></disk>"

    @Test(
        "says what keeps a domain's RAM from being dumped",
        arguments: [
            ("", nil),
            ("<disk type='file' device='cdrom'><source file='/iso'/><target dev='sda'/></disk>", nil),
            ("<disk type='file'><source file='/b'/><target dev='vdb'/><readonly/></disk>", nil),
            (
                "<disk type='file'><source file='/b'/><target dev='vdb'/></disk>",
                "vdb is not on the snapshotted datasets"
            ),
            ("<disk type='network'><source protocol='rbd'/><target dev='vdb'/></disk>", "vdb is not on"),
            ("<disk type='file'><source file='/b'/><target dev='vdb'/><shareable/></disk>", "vdb is shareable"),
            ("<hostdev mode='subsystem' type='pci'/>", "passed through"),
            ("<hostdev mode='subsystem' type='usb'/>", nil),
            ("<interface type='hostdev'/>", "a network device of the host"),
            ("<interface type='network'/>", nil),
            ("<filesystem type='mount'><driver type='virtiofs'/></filesystem>", "virtiofs"),
            ("<filesystem type='mount'/>", nil),
            ("<shmem name='s'/>", "shared memory"),
            ("<shmem name='s' role='master'/>", nil),
            ("<tpm model='tpm-tis'><backend type='passthrough'/></tpm>", "TPM"),
            ("<tpm model='tpm-tis'><backend type='emulator'/></tpm>", nil),
        ] as [(String, String?)])
    func obstacles(devices: String, expected: String?) throws {
        let description = try DomainDescriptionTests.read(DomainDescriptionTests.domain(disks: Self.vda + devices))
        let held = description.disks.map(\.disk).filter { $0.target == "vda" }
        let obstacle = description.obstacleToMemory(disks: held)
        if let expected {
            #expect(try #require(obstacle).message.contains(expected))
        } else {
            #expect(obstacle == nil)
        }
    }

    @Test("asks for the RAM beside the disks in one snapshot")
    func document() throws {
        let description = try DomainDescriptionTests.read(DomainDescriptionTests.domain(disks: Self.vda))
        let held = [OverlayDisk(target: "vda", base: "/tank/a.raw", baseFormat: "raw", overlay: "/o/a.qcow2")]
        let text = snapshotDocument(name: "s", held: held, of: description, memory: "/r/a & b.ram")
        #expect(text.contains("<memory snapshot=\"external\" file=\"/r/a &amp; b.ram\"/>"), "\(text)")
        #expect(!snapshotDocument(name: "s", held: held, of: description).contains("memory"))
    }

    @Test("gives dumps names of their VM, harmless ones")
    func names() {
        let machine = VirtualMachine(id: "u-u-i-d", name: "../etc/x y", power: .running, disks: [])
        #expect(RAMFile.path(in: "/ram", machine: machine, run: "1") == "/ram/___etc_x_y-u-u-i-d-1.ram")
    }

    @Test("is written under a name that is the same in each run, and gets its own when it is whole")
    func unfinished() throws {
        try withScratchFolder { scratch in
            let path = scratch.path + "/web01-u-20261121T110000Z-1f3c9a.ram"
            let unfinished = scratch.path + "/web01-u.stillpoint.ram"
            #expect(RAMFile.unfinished(path) == unfinished)
            try RAMFile.requireAbsence(of: path)
            try scratch.write("web01-u.stillpoint.ram", "RAM")
            // Of a run whose state file is lost.
            #expect(throws: HypervisorError.self) { try RAMFile.requireAbsence(of: path) }
            try RAMFile.finish(path)
            #expect(try scratch.names(in: "").contains("web01-u-20261121T110000Z-1f3c9a.ram"))
            #expect(throws: HypervisorError.self) { try RAMFile.requireAbsence(of: path) }
            try scratch.write("web01-u.stillpoint.ram", "RAM")
            try RAMFile.remove(path)
            try RAMFile.requireAbsence(of: path)
            try RAMFile.remove(path)
            #expect(throws: HypervisorError.self) { try RAMFile.finish(path) }
        }
    }
}
