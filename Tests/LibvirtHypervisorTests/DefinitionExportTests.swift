import Testing
import XMLTree

@testable import LibvirtHypervisor

@Suite("The saved definition")
struct DefinitionExportTests {
    private func domain(_ disk: String, os: String = "") throws -> XMLElement {
        try XMLElement.parse(
            "<domain><os>\(os)</os><devices><disk \(disk)<target dev='vda'/></disk><controller/></devices></domain>")
    }

    static let chain = """
        <backingStore type='file' index='2'><format type='raw'/><source file='/base' index='2'/><backingStore/>\
        </backingStore>
        """
    static let cleanChain = """
        <backingStore type='file'><format type='raw'/><source file='/base'/><backingStore/></backingStore>
        """

    @Test(
        "names the images that the running domain is on",
        arguments: [
            // definition, live, kept
            ("type='file'><source file='/a'/>", "type='file'><source file='/a' index='1'/><backingStore/>", nil),
            (
                "type='file'><source file='/a' index='1'/>", "type='file'><source file='/a' index='1'/>",
                "type='file'><source file='/a'/>"
            ),
            (
                "type='file'><driver type='raw'/><source file='/a'/>",
                "type='file'><driver type='qcow2'/><source file='/b' index='1'/><backingStore/>",
                "type='file'><driver type='qcow2'/><source file='/b'/>"
            ),
            (
                "type='file'><source file='/a'/>", "type='block'><source dev='/dev/zd0' index='1'/>",
                "type='block'><source dev='/dev/zd0'/>"
            ),
            (
                "type='file' device='cdrom'><source file='/a.iso'/>",
                "type='file' device='cdrom'><source file='/b.iso'/>", nil
            ),
        ] as [(String, String, String?)])
    func sources(definition: String, live: String, kept: String?) throws {
        let expected = try domain(kept ?? definition)
        #expect(completed(try domain(definition), by: try domain(live)).description == expected.description)
    }

    @Test("names the whole chain below a disk, so that a clone's can be found")
    func chains() throws {
        let definition = try domain("type='file'><source file='/a'/>")
        let kept = completed(definition, by: try domain("type='file'><source file='/a' index='1'/>" + Self.chain))
        let disk = try #require(kept.first("devices", "disk"))
        #expect(disk.first("backingStore")?.description == (try XMLElement.parse(Self.cleanChain)).description)
        // What the definition says of a chain itself stays.
        let explicit = try domain("type='file'><source file='/a'/>" + Self.cleanChain)
        #expect(completed(explicit, by: try domain("type='file'><source file='/a'/>" + Self.chain)) == explicit)
    }

    @Test("says where the UEFI variables are also when only the running domain knows")
    func variables() throws {
        let disk = "type='file'><source file='/a'/>"
        let live = try domain(disk, os: "<nvram template='/t'>/web_VARS.fd</nvram>")
        #expect(completed(try domain(disk), by: live).first("os", "nvram")?.text == "/web_VARS.fd")
        let own = try domain(disk, os: "<nvram>/own.fd</nvram>")
        #expect(completed(own, by: live) == own)
    }

    @Test("gives its chains to a RAM dump, for the same images only")
    func dump() throws {
        let definition = try domain("type='file'><source file='/a'/>" + Self.cleanChain)
        let same = withChains(try domain("type='file'><source file='/a'/>"), of: definition)
        #expect(same.first("devices", "disk", "backingStore", "source")?["file"] == "/base")
        let other = try domain("type='file'><source file='/b'/>")
        #expect(withChains(other, of: definition) == other)
    }
}
