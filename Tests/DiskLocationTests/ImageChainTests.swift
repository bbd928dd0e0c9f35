import DiskLocation
import Glibc
import TestSupport
import Testing

@Suite("What lies below an image")
struct ImageChainTests {
    private func chain(_ scratch: ScratchFolder, _ format: String = "qcow2") -> [String] {
        ImageChain.layers(below: scratch.path + "/images/top.qcow2", format: format).map { layer in
            layer.path.replacing(scratch.path, with: "") + " " + (layer.format ?? "?")
        }
    }

    @Test(
        "is named by its header",
        arguments: [
            ("/srv/base.raw", "/srv/base.raw"), ("base.raw", "/images/base.raw"), ("../base", "/images/../base"),
            ("file:base.raw", "/images/base.raw"), ("file:/srv/base", "/srv/base"), ("nbd://host/x", nil),
            ("dir/a:b", "/images/dir/a:b"), ("json:{\"driver\":\"raw\"}", nil), ("http://host/a", nil),
            ("file:///srv/a", nil), ("fat:/etc", nil), ("host_device:/dev/sda", nil), ("", nil),
        ] as [(String, String?)])
    func names(name: String, expected: String?) throws {
        try withScratchFolder { scratch in
            try scratch.write("images/top.qcow2", HeaderFixture(backing: name, format: "raw").bytes)
            #expect(chain(scratch) == (expected.map { ["\($0) raw"] } ?? []))
        }
    }

    @Test("is not asked of an image that is raw by its definition, whatever its first bytes are")
    func raw() throws {
        try withScratchFolder { scratch in
            try scratch.write("images/top.qcow2", HeaderFixture(backing: "/etc/shadow", format: "raw").bytes)
            #expect(chain(scratch, "raw").isEmpty)
            #expect(chain(scratch, "vmdk").isEmpty)
            // Nor of one that is raw by the header above it, or of no format that is told.
            try scratch.write("images/base", HeaderFixture(backing: "/etc/shadow", format: "raw").bytes)
            try scratch.write("images/top.qcow2", HeaderFixture(backing: "base", format: "raw").bytes)
            #expect(chain(scratch) == ["/images/base raw"])
            try scratch.write("images/top.qcow2", HeaderFixture(backing: "base").bytes)
            #expect(chain(scratch) == ["/images/base ?"])
        }
    }

    @Test("is followed beside it, and named but not opened elsewhere")
    func elsewhere() throws {
        try withScratchFolder { scratch in
            try scratch.write("images/base", HeaderFixture(backing: "/srv/golden", format: "raw").bytes)
            try scratch.write("images/top.qcow2", HeaderFixture(backing: "base", format: "qcow2").bytes)
            #expect(chain(scratch) == ["/images/base qcow2", "/srv/golden raw"])
            // On another file system, behind a link, and what is no file.
            let other = "/dev/shm/stillpoint-\(getpid())-base"
            let file = try #require(fopen(other, "w"))
            let bytes = HeaderFixture(backing: "/etc/shadow", format: "raw").bytes
            fwrite(bytes, 1, bytes.count, file)
            fclose(file)
            defer { unlink(other) }
            try scratch.link("images/link", to: scratch.path + "/images/base")
            #expect(mkfifo(scratch.path + "/images/fifo", 0o600) == 0)
            for name in [other, "link", "fifo", "/dev/zero", "/dev/watchdog", "/images"] {
                try scratch.write("images/top.qcow2", HeaderFixture(backing: name, format: "qcow2").bytes)
                #expect(chain(scratch).count == 1, "\(name)")
            }
        }
    }

    @Test("ends where it would go in a circle, and after 200 images")
    func circles() throws {
        try withScratchFolder { scratch in
            try scratch.write("images/top.qcow2", HeaderFixture(backing: "top.qcow2", format: "qcow2").bytes)
            #expect(chain(scratch).isEmpty)
            try scratch.write("images/top.qcow2", HeaderFixture(backing: "./top.qcow2", format: "qcow2").bytes)
            #expect(chain(scratch) == ["/images/./top.qcow2 qcow2"])
            try scratch.write("images/top.qcow2", HeaderFixture(backing: "b", format: "qcow2").bytes)
            try scratch.write("images/b", HeaderFixture(backing: "top.qcow2", format: "qcow2").bytes)
            #expect(chain(scratch) == ["/images/b qcow2"])
            for index in 0..<300 {
                var image = HeaderFixture(backing: "c\(index + 1)", format: "qcow2")
                image.clusters = 0
                image.changes = [(36, HeaderFixture.bytes(0, 4)), (24, HeaderFixture.bytes(0, 8))]
                // Sparse to the end of its tables.
                let path = try scratch.write("images/c\(index)", image.bytes)
                #expect(truncate(path, 4 << 16) == 0)
            }
            try scratch.write("images/top.qcow2", HeaderFixture(backing: "c0", format: "qcow2").bytes)
            #expect(chain(scratch).count == ImageChain.longest)
        }
    }

    @Test("an image that is no file and no block device is not opened", arguments: ["fifo", "/dev/zero", "."])
    func special(name: String) throws {
        try withScratchFolder { scratch in
            #expect(mkfifo(scratch.path + "/fifo", 0o600) == 0)
            let path = name.hasPrefix("/") ? name : scratch.path + "/" + name
            let error = #expect(throws: StorageError.self) { try ImageFile(path) }
            #expect(error?.code == .unreadable)
        }
    }

    @Test("of a file that is not there is an error", arguments: ["/nowhere/x.qcow2", "/etc/passwd/x"])
    func missing(path: String) {
        let error = #expect(throws: StorageError.self) { try ImageHeader.read(at: path) }
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
