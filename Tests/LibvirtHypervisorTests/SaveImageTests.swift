import Glibc
import Hypervisor
import TestSupport
import Testing

@testable import LibvirtHypervisor

@Suite("A save image")
struct SaveImageTests {
    /// A case of the table below: what is wrong with a file, and what is said of it.
    struct Damage: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let message: String
        let bytes: [UInt8]

        init(_ what: String, _ message: String, cut: Int? = nil, _ change: (inout SaveImageFixture) -> Void = { _ in })
        {
            var fixture = SaveImageFixture()
            change(&fixture)
            testDescription = what
            self.message = message
            bytes = Array(fixture.bytes.prefix(cut ?? .max))
        }
    }

    static let damages = [
        Damage("cut after the magic", "ends within its head", cut: 16),
        Damage("cut in the head", "ends within its head", cut: 91),
        Damage("cut after the head", "ends within its XML", cut: 92),
        Damage("cut in the XML", "ends within its XML", cut: 100),
        Damage("cut in the padding", "ends within its XML", cut: 92 + SaveImageFixture().data.count - 1),
        Damage("the other byte order", "other byte order") { $0.version = UInt32(2).byteSwapped },
        Damage("version 1", "format version 1") { $0.version = 1 },
        Damage("version 3", "format version 3") { $0.version = 3 },
        Damage("no data", "has 0 bytes") { $0.dataLength = 0 },
        Damage("too much data", "has 4294967295 bytes") { $0.dataLength = .max },
        Damage("a little too much data", "has 67108865 bytes") { $0.dataLength = 64 << 20 + 1 },
        Damage("a cookie beyond the data", "cookie") { $0.cookieOffset = UInt32($0.data.count) },
        Damage("a cookie far beyond", "cookie") { $0.cookieOffset = .max },
        Damage("a cookie within the XML", "XML has no end") { $0.cookieOffset = 5 },
        Damage("XML without an end", "XML has no end") {
            $0.cookie = nil
            $0.dataLength = UInt32($0.xml.count)
        },
        Damage("a cookie without an end", "cookie has no end") {
            $0.padding = 0
            $0.dataLength = UInt32($0.data.count - 1)
        },
        Damage("XML that is no UTF-8", "no UTF-8") { $0.xml = [0x3C, 0xFF, 0xFE] },
    ]

    @Test("that is damaged is refused, with the reason", arguments: damages)
    func damaged(damage: Damage) throws {
        try withScratchFolder { scratch in
            let path = try scratch.write("dump", damage.bytes)
            for read in [{ _ = try SaveImage(path: path) }, { _ = try SaveImage.isWhole(path) }] {
                let error = #expect(throws: HypervisorError.self) { try read() }
                #expect(error?.remedy == .stop)
                #expect(error?.message.contains(damage.message) == true, "\(error?.message ?? "")")
                #expect(error?.message.contains(path) == true)
            }
        }
    }

    @Test(
        "is told from other files",
        arguments: [
            (SaveImageFixture().bytes, .whole), (SaveImageFixture(magic: "LibvirtQemudPart").bytes, .incomplete),
            (SaveImageFixture(magic: "LibvirtQemudXXXX").bytes, .notASaveImage), ([], .notASaveImage),
            (Array("LibvirtQemudSav".utf8), .notASaveImage), ([UInt8](repeating: 0, count: 200), .notASaveImage),
        ] as [([UInt8], SaveImage.State)])
    func state(bytes: [UInt8], state: SaveImage.State) throws {
        try withScratchFolder { scratch in
            let path = try scratch.write("dump", bytes)
            #expect(try SaveImage.state(of: path) == state)
            #expect(try SaveImage.isWhole(path) == (state == .whole))
        }
    }

    @Test("that is not there is an error")
    func missing() throws {
        let error = #expect(throws: HypervisorError.self) { try SaveImage.isWhole("/nonexistent/dump") }
        #expect(error?.message.contains("/nonexistent/dump") == true)
    }

    @Test("gives its XML, with a cookie or without", arguments: [Array("<cookie/>".utf8), [], nil] as [[UInt8]?])
    func xml(cookie: [UInt8]?) throws {
        try withScratchFolder { scratch in
            let fixture = SaveImageFixture(xml: Array("<domain><name>日本 \"x\"</name></domain>".utf8), cookie: cookie)
            let image = try SaveImage(path: fixture.write(scratch))
            #expect(image.xml == "<domain><name>日本 \"x\"</name></domain>")
            #expect(image.state == .whole)
        }
    }

    @Test(
        "takes another XML and moves nothing behind it",
        arguments: ["<domain/>", "<domain><name>é</name></domain>", String(repeating: "x", count: 290)],
        [Array("<cookie/>".utf8), nil] as [[UInt8]?])
    func replaced(xml: String, cookie: [UInt8]?) throws {
        try withScratchFolder { scratch in
            let old = SaveImageFixture(cookie: cookie)
            let path = try old.write(scratch)
            try SaveImage(path: path).replaceXML(with: xml)
            let padding = old.data.count - xml.utf8.count - 1 - (cookie.map { $0.count + 1 } ?? 0)
            let new = SaveImageFixture(xml: Array(xml.utf8), cookie: cookie, padding: padding)
            #expect(try readFile(path) == new.bytes)
            #expect(try SaveImage(path: path).xml == xml)
        }
    }

    @Test("refuses an XML that does not fit, and stays as it is")
    func tooLong() throws {
        try withScratchFolder { scratch in
            let fixture = SaveImageFixture()
            let path = try fixture.write(scratch)
            let most = fixture.data.count - 1 - 10
            let image = try SaveImage(path: path)
            let error = #expect(throws: HypervisorError.self) {
                try image.replaceXML(with: String(repeating: "x", count: most + 1))
            }
            #expect(error?.message.contains("does not fit") == true)
            #expect(try readFile(path) == fixture.bytes)
            try image.replaceXML(with: String(repeating: "x", count: most))
            #expect(try SaveImage(path: path).xml.utf8.count == most)
        }
    }
}
