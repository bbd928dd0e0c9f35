import Hypervisor
import Testing
import XMLTree

@testable import LibvirtHypervisor

@Suite("The snapshot document")
struct SnapshotXMLTests {
    private func description(_ targets: [String]) throws -> DomainDescription {
        let disks = targets.map { "<disk type='file'><source file='/t/\($0)'/><target dev='\($0)'/></disk>" }
        return try DomainDescriptionTests.read(DomainDescriptionTests.domain(disks: disks.joined()))
    }

    private func held(_ target: String, overlay: String) -> OverlayDisk {
        OverlayDisk(target: target, base: "/t/\(target)", baseFormat: "raw", overlay: overlay)
    }

    @Test("moves the held disks and names every other one as excluded")
    func others() throws {
        let domain = try description(["vda", "vdb", "sda"])
        let text = snapshotDocument(name: "stillpoint-1", held: [held("vdb", overlay: "/o/b.qcow2")], of: domain)
        let root = try XMLElement.parse(text)
        #expect(root.name == "domainsnapshot")
        #expect(root.first("name")?.text == "stillpoint-1")
        let disks = root.first("disks")?.children ?? []
        #expect(disks.map { $0["name"] } == ["vda", "vdb", "sda"])
        #expect(disks.map { $0["snapshot"] } == ["no", "external", "no"])
        let external = try #require(disks.first { $0["snapshot"] == "external" })
        #expect(external["type"] == "file")
        #expect(external.first("driver")?["type"] == "qcow2")
        #expect(external.first("source")?["file"] == "/o/b.qcow2")
        #expect(disks.map(\.children.count) == [0, 2, 0])
    }

    @Test("leaves every disk alone where none is held")
    func none() throws {
        let root = try XMLElement.parse(snapshotDocument(name: "a", held: [], of: try description(["vda", "vdb"])))
        #expect(root.first("disks")?.children.map { $0["snapshot"] } == ["no", "no"])
    }

    @Test(
        "escapes overlay paths",
        arguments: [
            "/o/a b,c.qcow2", "/o/'\"<&>.qcow2", "/o/two\nlines\t.qcow2", "/o/é日本.qcow2", "/o/]]>.qcow2",
            "/o/a'/><disk name='vdb' snapshot='internal.qcow2",
        ])
    func escaped(path: String) throws {
        let text = snapshotDocument(name: "a<b", held: [held("vda", overlay: path)], of: try description(["vda"]))
        let root = try XMLElement.parse(text)
        #expect(root.first("name")?.text == "a<b")
        #expect(root.first("disks")?.children.count == 1)
        #expect(root.first("disks", "disk", "source")?["file"] == path)
    }
}
