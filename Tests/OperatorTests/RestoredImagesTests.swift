import Hypervisor
import TestSupport
import Testing

@testable import Engine
@testable import Operator

@Suite("The images of a VM that is restored")
struct RestoredImagesTests {
    private func require(
        _ header: HeaderFixture, _ formats: [String: String]?, also: [String] = []
    ) throws {
        let scratch = try ScratchFolder()
        defer { scratch.remove() }
        let copy = try scratch.write("copy.qcow2", header.bytes)
        let base = try scratch.write("base.raw", "raw")
        let images = [
            PathMove(from: "/tank/VM/web.qcow2", to: copy), PathMove(from: "/tank/VM/base.raw", to: base),
        ]
        try RestoredImages(images: images, formats: formats).requireHarmless(also: also)
    }

    private static let sealed = ["/tank/VM/web.qcow2": "qcow2", "/tank/VM/base.raw": "raw", "/tank/golden.raw": "raw"]

    @Test(
        "lead nowhere else, whether their definition is trusted or not",
        arguments: [sealed, nil],
        [
            HeaderFixture(backing: "/etc/shadow", format: "raw"), HeaderFixture(backing: "shadow", format: "raw"),
            HeaderFixture(backing: "../../etc/shadow", format: "raw"),
            HeaderFixture(backing: "nbd://host/disk", format: "raw"),
            HeaderFixture(backing: "json:{\"driver\":\"file\",\"filename\":\"/etc/shadow\"}", format: "raw"),
            HeaderFixture(backing: "/tank/VM/base.raw", format: "vmdk"),
            HeaderFixture(backing: "/tank/VM/base.raw", format: "qed"),
            HeaderFixture(backing: "/tank/VM/base.raw", format: "luks"),
        ])
    func refused(formats: [String: String]?, header: HeaderFixture) throws {
        #expect(throws: RestoreError.self) { try require(header, formats) }
    }

    @Test("have no data file", arguments: [sealed, nil])
    func dataFile(formats: [String: String]?) throws {
        var header = HeaderFixture()
        header.features = 4
        #expect(throws: RestoreError.self) { try require(header, formats) }
        header.features = 0
        header.extensions = [(0x4441_5441, Array("/etc/shadow".utf8))]
        #expect(throws: RestoreError.self) { try require(header, formats) }
    }

    @Test("may be based on each other, by whole and by relative names", arguments: [sealed, nil])
    func own(formats: [String: String]?) throws {
        for name in ["/tank/VM/base.raw", "base.raw", "./base.raw", "../VM/base.raw"] {
            try require(HeaderFixture(backing: name, format: "raw"), formats)
        }
        try require(HeaderFixture(), formats)
        try require(HeaderFixture(backing: "/clone/base.raw", format: "raw"), formats, also: ["/clone/base.raw"])
    }

    @Test("may be based on what the definition names, where that is trusted")
    func golden() throws {
        let header = HeaderFixture(backing: "/tank/golden.raw", format: "raw")
        try require(header, Self.sealed)
        #expect(throws: RestoreError.self) { try require(header, nil) }
        // libvirt itself refuses to find out the format.
        try require(HeaderFixture(backing: "/tank/golden.raw"), Self.sealed)
        #expect(throws: RestoreError.self) { try require(HeaderFixture(backing: "/tank/VM/base.raw"), nil) }
    }

    @Test("that are raw are not read")
    func raw() throws {
        try require(
            HeaderFixture(backing: "/etc/shadow", format: "raw"),
            ["/tank/VM/web.qcow2": "raw", "/tank/VM/base.raw": "raw"])
    }
}
