import Testing
import XMLTree

@testable import LibvirtHypervisor

@Suite("A domain's memory")
struct MemorySizeTests {
    @Test(
        "is read in every unit that libvirt knows",
        arguments: [
            (nil, 1 << 30), ("KiB", 1 << 30), ("k", 1 << 30), ("kib", 1 << 30), ("b", 1 << 20), ("bytes", 1 << 20),
            ("KB", 1_048_576_000), ("MiB", 1 << 40), ("M", 1 << 40), ("MB", 1_048_576_000_000), ("G", 1 << 50),
            ("GiB", 1 << 50), ("GB", 1_048_576_000_000_000), ("T", 1 << 60), ("TiB", 1 << 60),
            ("TB", 1_048_576_000_000_000_000), ("EiB", nil), ("parsec", nil), ("K i B", nil),
        ] as [(String?, UInt64?)])
    func units(unit: String?, bytes: UInt64?) {
        var element = XMLElement("memory", text: "1048576")
        element["unit"] = unit
        #expect(memorySize(element) == bytes)
    }

    @Test("is not known where it is no number", arguments: ["", "-1", "1.5", "a lot", "99999999999999999999"])
    func noNumber(text: String) {
        #expect(memorySize(XMLElement("memory", text: text)) == nil)
    }

    @Test("is the most that a domain can have")
    func description() throws {
        let xml = """
            <domain><name>a</name><uuid>u</uuid><maxMemory slots='16' unit='KiB'>9999</maxMemory>
            <memory unit='KiB'> 2048 </memory><currentMemory unit='KiB'>1024</currentMemory></domain>
            """
        #expect(try DomainDescriptionTests.read(xml).memory == 2 << 20)
        #expect(try DomainDescriptionTests.read("<domain><name>a</name><uuid>u</uuid></domain>").memory == 0)
    }
}
