import CLibvirt
import Glibc
import Hypervisor
import TestSupport
import Testing

@testable import LibvirtHypervisor

@Suite("A snapshot that somebody took of a VM on its overlays")
struct OthersSnapshotTests {
    private let base = "/tank/a.raw"
    private let overlay = "/o/a.qcow2"

    private func definition(_ image: String, _ format: String) -> String {
        """
        <domain type='test'><name>web</name><uuid>11111111-2222-4333-8444-555555555555</uuid><memory>8192</memory>
        <os><type>hvm</type></os><devices><disk type='file' device='disk'><driver name='qemu' type='\(format)'/>
        <source file='\(image)'/><target dev='vda' bus='virtio'/></disk></devices></domain>
        """
    }

    private func snapshot(_ name: String, after parent: String?, _ image: String, memory: String = "") -> String {
        let parent = parent.map { "<parent><name>\($0)</name></parent>" } ?? ""
        return
            "<domainsnapshot><name>\(name)</name>\(parent)<state>running</state><creationTime>1</creationTime>\(memory)"
            + "\(definition(image, image == base ? "raw" : "qcow2"))</domainsnapshot>"
    }

    private func redefine(_ domain: Domain, _ document: String, _ flags: UInt32 = 0) throws {
        let flags = VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE.rawValue | flags
        let made = domain.library.functions.virDomainSnapshotCreateXML(domain.pointer, document, flags)
        let snapshot = try #require(made, "\(domain.library.lastError("making it"))")
        _ = domain.library.functions.virDomainSnapshotFree(snapshot)
    }

    private func text(_ domain: Domain, _ name: String) throws -> (text: String, isCurrent: Bool) {
        let functions = domain.library.functions
        let snapshot = try #require(functions.virDomainSnapshotLookupByName(domain.pointer, name, 0))
        defer { _ = functions.virDomainSnapshotFree(snapshot) }
        let text = try #require(functions.virDomainSnapshotGetXMLDesc(snapshot, 0))
        defer { free(text) }
        return (String(cString: text), functions.virDomainSnapshotIsCurrent(snapshot, 0) == 1)
    }

    @Test("names the base once the overlay is gone; those of before are as they were")
    func corrected() throws {
        try withScratchFolder { scratch in
            let node = try scratch.write("node.xml", "<node>\(definition(base, "raw"))</node>")
            let connection = try Connection(uri: "test://\(node)")
            let domain = try #require(try connection.domains().first).domain
            let ram =
                "<memory snapshot='external' file='/ram/theirs 1'/><disks>"
                + "<disk name='vda' snapshot='external' type='file'><source file='/tank/top.qcow2'/></disk></disks>"
            try redefine(domain, snapshot("before", after: nil, base))
            try redefine(domain, snapshot("stillpoint-1", after: "before", base))
            try redefine(domain, snapshot("theirs", after: "stillpoint-1", overlay))
            let current = VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT.rawValue
            try redefine(domain, snapshot("with RAM", after: "theirs", overlay, memory: ram), current)
            let before = try text(domain, "before").text

            let disk = OverlayDisk(
                target: "vda", base: base, baseFormat: "raw", overlay: overlay,
                definition: "<disk type='file'><driver name='qemu' type='raw'/><source file='\(base)'/>"
                    + "<target dev='vda'/></disk>")
            let notes = try domain.correctSnapshots(after: "stillpoint-1", BaseDefinition(disks: [disk]))
            #expect(notes.count == 1)
            #expect(notes.first?.contains("virsh save-image-edit '/ram/theirs 1'") == true, "\(notes)")
            for name in ["theirs", "with RAM"] {
                let (text, isCurrent) = try text(domain, name)
                #expect(
                    text.contains("file='\(base)'") && text.contains("type='raw'") && !text.contains(overlay), "\(text)"
                )
                #expect(isCurrent == (name == "with RAM"))
            }
            #expect(try text(domain, "before").text == before)
            // Nothing to do, and none of ours.
            #expect(try domain.correctSnapshots(after: "stillpoint-1", BaseDefinition(disks: [disk])).isEmpty)
            #expect(try domain.correctSnapshots(after: "stillpoint-2", BaseDefinition(disks: [disk])).isEmpty)
        }
    }
}
