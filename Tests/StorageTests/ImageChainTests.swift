import Storage
import TestSupport
import Testing

@Suite("An image's backing file")
struct ImageChainTests {
    /// A qcow2 header, and the name where the header says.
    private static func image(
        _ name: [UInt8], version: UInt8 = 3, offset: UInt64 = 512, size: UInt32? = nil, clusterBits: UInt8 = 16
    ) -> [UInt8] {
        var bytes: [UInt8] = [0x51, 0x46, 0x49, 0xFB, 0, 0, 0, version]
        bytes += (0..<8).map { UInt8(truncatingIfNeeded: offset >> (56 - 8 * $0)) }
        let size = size ?? UInt32(name.count)
        bytes += (0..<4).map { UInt8(truncatingIfNeeded: size >> (24 - 8 * $0)) }
        bytes += [0, 0, 0, clusterBits]
        bytes += [UInt8](repeating: 0, count: 512 - bytes.count)
        return bytes + name
    }

    private func backing(_ bytes: [UInt8]) throws -> String? {
        try withScratchFolder { scratch in
            let path = try scratch.write("images/top.qcow2", bytes)
            return try ImageChain.backingFile(of: path)?.replacing(scratch.path, with: "")
        }
    }

    @Test(
        "is found in its header",
        arguments: [
            ("/srv/base.qcow2", "/srv/base.qcow2"), ("base.raw", "/images/base.raw"),
            ("../base.raw", "/images/../base.raw"), ("file:base.raw", "/images/base.raw"),
            ("file:/srv/base", "/srv/base"), ("nbd://host/x", "nbd://host/x"), ("dir/a:b", "/images/dir/a:b"),
            ("json:{\"driver\":\"raw\"}", "json:{\"driver\":\"raw\"}"),
        ])
    func names(name: String, expected: String) throws {
        for version: UInt8 in [2, 3] {
            #expect(try backing(Self.image(Array(name.utf8), version: version)) == expected)
        }
    }

    @Test("is none for an image without one and for other formats")
    func none() throws {
        #expect(try backing(Self.image([], offset: 0, size: 0)) == nil)
        #expect(try backing([]) == nil)
        #expect(try backing(Array("QFI".utf8)) == nil)
        #expect(try backing([UInt8](repeating: 0, count: 4096)) == nil)
        #expect(try backing(Array(Self.image(Array("x".utf8)).prefix(50))) == nil)
    }

    @Test("is refused where the header is impossible")
    func impossible() throws {
        let name = Array("base".utf8)
        for bytes in [
            Self.image(name, offset: .max), Self.image(name, offset: 8), Self.image(name, size: .max),
            Self.image(name, size: 1024), Self.image(name, clusterBits: 0), Self.image(name, clusterBits: 63),
            Self.image(name, offset: 65535), Self.image(name, size: 5), Self.image([0xFF, 0xFE]),
            Self.image([0x61, 0, 0x62]), Self.image(name, size: 1000, clusterBits: 9),
        ] {
            let error = #expect(throws: StorageError.self) { try backing(bytes) }
            #expect(error?.code == .badImage)
        }
    }

    @Test("of a file that is not there is an error", arguments: ["/nowhere/x.qcow2", "/etc/passwd/x"])
    func missing(path: String) {
        let error = #expect(throws: StorageError.self) { try ImageChain.backingFile(of: path) }
        #expect(error?.code == .notFound)
    }
}

@Suite("Free space")
struct FreeSpaceTests {
    @Test("is told in bytes")
    func known() throws {
        let space = try FreeSpace.available(at: "/tmp")
        #expect(space.totalBytes > 1 << 20)
        #expect(space.availableBytes <= space.totalBytes)
    }

    @Test("of a folder that is not there is an error")
    func missing() {
        let error = #expect(throws: StorageError.self) { try FreeSpace.available(at: "/nowhere") }
        #expect(error?.code == .notFound)
    }
}
