import DiskLocation
import TestSupport
import Testing

@Suite("A qcow2 header")
struct ImageHeaderTests {
    private func read(_ fixture: HeaderFixture) throws -> ImageHeader {
        let bytes = fixture.bytes
        return try ImageHeader(bytes: bytes, fileSize: UInt64(bytes.count))
    }

    @Test("says what lies below, and of which format")
    func backing() throws {
        for name in ["/srv/base.raw", "base", "json:{\"driver\":\"raw\"}", "nbd://host/x", "../a b,c"] {
            let header = try read(HeaderFixture(backing: name, format: "raw"))
            #expect(header.backing == ImageHeader.Backing(name: name, format: "raw"))
            #expect(header.virtualSize == 1 << 20)
            let table: Range<UInt64> = 196_608..<196_616
            #expect(header.firstTable == table)
            #expect(!header.hasDataFile && !header.isEncrypted && !header.isDirty && header.snapshotCount == 0)
        }
        #expect(try read(HeaderFixture(backing: "/a")).backing == ImageHeader.Backing(name: "/a", format: nil))
        #expect(try read(HeaderFixture()).backing == nil)
    }

    @Test("may be dirty, compressed by zstd, or have subclusters", arguments: [1, 8, 16, 25] as [UInt64])
    func harmless(features: UInt64) throws {
        var fixture = HeaderFixture(backing: "/a", format: "qcow2")
        fixture.features = features
        #expect(try read(fixture).isDirty == (features & 1 != 0))
    }

    @Test("with a data file says so, by its feature or by its name alone")
    func dataFile() throws {
        var fixture = HeaderFixture(backing: "/a", format: "raw")
        fixture.features = 4
        #expect(try read(fixture).hasDataFile)
        fixture.features = 0
        fixture.extensions = [(0x4441_5441, Array("/etc/shadow".utf8))]
        #expect(try read(fixture).hasDataFile)
    }

    struct Wrong: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let place: Int
        let value: UInt64
        let length: Int
        var version2 = false
    }

    static let wrong = [
        Wrong(testDescription: "version 1", place: 4, value: 1, length: 4),
        Wrong(testDescription: "version 4", place: 4, value: 4, length: 4),
        Wrong(testDescription: "a name before the header's end", place: 8, value: 8, length: 8),
        Wrong(testDescription: "a name behind the cluster", place: 8, value: 65535, length: 8),
        Wrong(testDescription: "a name without a place", place: 8, value: .max, length: 8),
        Wrong(testDescription: "a name of 1024 bytes", place: 16, value: 1024, length: 4),
        Wrong(testDescription: "an endless name", place: 16, value: 0xFFFF_FFFF, length: 4),
        Wrong(testDescription: "tiny clusters", place: 20, value: 8, length: 4),
        Wrong(testDescription: "huge clusters", place: 20, value: 22, length: 4),
        Wrong(testDescription: "a size of 16 EiB", place: 24, value: .max, length: 8),
        Wrong(testDescription: "too large a size for its table", place: 24, value: 1 << 40, length: 8),
        Wrong(testDescription: "an unknown encryption", place: 32, value: 3, length: 4),
        Wrong(testDescription: "an endless first table", place: 36, value: 0xFFFF_FFFF, length: 4),
        Wrong(testDescription: "a first table of 32 MiB and an entry", place: 36, value: 4 << 20 + 1, length: 4),
        Wrong(testDescription: "a first table between clusters", place: 40, value: 3 << 16 + 8, length: 8),
        Wrong(testDescription: "a first table at the end of all", place: 40, value: 0xFFFF_FFFF_FFFF_0000, length: 8),
        Wrong(testDescription: "no reference counts", place: 56, value: 0, length: 4),
        Wrong(testDescription: "reference counts of 8 MiB and a cluster", place: 56, value: 129, length: 4),
        Wrong(testDescription: "65537 snapshots", place: 60, value: 65537, length: 4),
        Wrong(testDescription: "an unknown feature", place: 72, value: 1 << 5, length: 8),
        Wrong(testDescription: "the last unknown feature", place: 72, value: 1 << 63, length: 8),
        Wrong(testDescription: "impossible reference counts", place: 96, value: 7, length: 4),
        Wrong(testDescription: "a short header", place: 100, value: 96, length: 4),
        Wrong(testDescription: "a header longer than its cluster", place: 100, value: 65544, length: 4),
        Wrong(testDescription: "an odd header", place: 100, value: 105, length: 4),
        Wrong(testDescription: "an unknown compression", place: 104, value: 2, length: 1),
        Wrong(testDescription: "a long extension", place: 116, value: 0xFFFF_FFF0, length: 4),
        Wrong(testDescription: "a long format", place: 116, value: 17, length: 4),
        Wrong(testDescription: "a format that is none", place: 120, value: 0x2F61, length: 2),
    ]

    @Test("is refused where QEMU would, or where it is not known", arguments: wrong)
    func refused(wrong: Wrong) {
        var fixture = HeaderFixture(backing: "/srv/base.raw", format: "raw")
        fixture.changes = [(wrong.place, HeaderFixture.bytes(wrong.value, wrong.length))]
        let error = #expect(throws: StorageError.self) { try read(fixture) }
        #expect(error?.code == .badImage)
    }

    @Test("that is cut off, or whose tables are, is known by that, and so is another format")
    func cutOff() throws {
        let bytes = HeaderFixture(backing: "/srv/base.raw", format: "raw").bytes
        for length in [4, 71, 72, 103, 111, 119, 140] {
            let error = #expect(throws: StorageError.self) { try ImageHeader(bytes: Array(bytes[..<length])) }
            #expect(error?.code == .cutOff, "\(length)")
        }
        let short = #expect(throws: StorageError.self) { try ImageHeader(bytes: bytes, fileSize: 3 << 16) }
        #expect(short?.code == .cutOff)
        for bytes in [[], Array("QFI".utf8), [UInt8](repeating: 0, count: 4096)] {
            let error = #expect(throws: StorageError.self) { try ImageHeader(bytes: bytes) }
            #expect(error?.code == .otherFormat)
        }
    }

    @Test("ends a reading, whatever single byte of it is another")
    func bytes() throws {
        let good = Array(HeaderFixture(backing: "/srv/base.raw", format: "raw").bytes[..<160])
        for place in good.indices {
            for value in [0, 1, 0x7F, 0xFF] as [UInt8] {
                var bytes = good
                bytes[place] = value
                let header = try? ImageHeader(bytes: bytes, fileSize: 4 << 16)
                #expect(header == nil || header?.firstTable.count ?? 0 <= 32 << 20)
            }
        }
    }

    @Test("with extensions beyond its first page is read whole")
    func longHeader() throws {
        try withScratchFolder { scratch in
            var fixture = HeaderFixture(backing: "/srv/base.raw", format: "raw")
            fixture.extensions = [(0x1234, [UInt8](repeating: 7, count: 9000))]
            let path = try scratch.write("a.qcow2", fixture.bytes)
            #expect(try ImageHeader.read(at: path).backing?.name == "/srv/base.raw")
        }
    }
}
