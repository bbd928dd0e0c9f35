import Glibc
import Hypervisor
import TestSupport
import Testing

@testable import LibvirtHypervisor

@Suite("An overlay file")
struct OverlayFileTests {
    static let run = "20261121T110000Z-1f3c9a"
    static let uuid = "c0ffee00-0000-4000-8000-000000000001"
    static let hasQemuImg = ["/usr/bin", "/bin", "/usr/local/bin"].contains { access($0 + "/qemu-img", X_OK) == 0 }
    static let nastyNames = [
        "../../etc/x", "/etc/passwd", "..", ".", "", "a\"b'c", "two\nlines", "<b>", "a\u{0}b", "-rf", "日本語", "e\u{301}",
        "%s%n", "$(reboot)", "a b,c", String(repeating: "n", count: 200), String(repeating: "é", count: 300),
        "👨‍👩‍👧‍👦family",
    ]

    private func machine(_ name: String, id: String = uuid) -> VirtualMachine {
        VirtualMachine(id: id, name: name, power: .running, disks: [])
    }

    private func path(_ name: String, id: String = uuid, disk: String = "vda") -> String {
        OverlayFile.path(in: "/var/lib/overlays", machine: machine(name, id: id), disk: disk)
    }

    @Test("says whose it is, by the same name in each run")
    func name() {
        #expect(path("web01") == "/var/lib/overlays/web01-\(Self.uuid)-vda.stillpoint.qcow2")
    }

    @Test("stays directly inside its folder whatever the VM is called", arguments: nastyNames)
    func inside(name: String) throws {
        for text in [path(name), path("web01", id: name), path("web01", disk: name)] {
            try #require(text.hasPrefix("/var/lib/overlays/"))
            let file = text.dropFirst("/var/lib/overlays/".count)
            #expect(!file.contains("/"))
            #expect(file.hasSuffix(".qcow2"))
            #expect(file.utf8.count < 255)
            #expect(file.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F })
            #expect(!file.hasPrefix("."))
        }
        #expect(path(name) == path(name))
    }

    @Test("is another one for another VM or disk")
    func different() {
        let other = "c0ffee00-0000-4000-8000-000000000002"
        let paths = [
            path("web01"), path("web01", id: other), path("web01", id: "d0ffee00-0000-4000-8000-000000000001"),
            path("web01", disk: "vdb"), path("web02"),
        ]
        #expect(Set(paths).count == paths.count)
        let long = String(repeating: "n", count: 40)
        #expect(path(long + "a") != path(long + "b", id: other))
        #expect(path("a/b") != path("a:b", id: other))
    }

    @Test("that exists already is refused and not touched")
    func existing() async throws {
        try await withScratchFolder { scratch in
            let overlay = try scratch.write("web01.qcow2", "the guest's writes")
            let base = try scratch.write("base.raw", [UInt8](repeating: 0, count: 1 << 16))
            let error = await #expect(throws: HypervisorError.self) {
                try await OverlayFile.create(disk(base: base, overlay: overlay), capacity: 1 << 16, run: Self.run)
            }
            #expect(error?.code == .overlay)
            #expect(error?.remedy == .fallBack)
            #expect(error?.message.contains(overlay) == true)
            #expect(try readFile(overlay) == Array("the guest's writes".utf8))
        }
    }

    @Test("is not written through a symbolic link")
    func link() async throws {
        try await withScratchFolder { scratch in
            let base = try scratch.write("base.raw", [UInt8](repeating: 0, count: 1 << 16))
            try scratch.link("web01.qcow2", to: scratch.path + "/elsewhere")
            await #expect(throws: HypervisorError.self) {
                try await OverlayFile.create(
                    disk(base: base, overlay: scratch.path + "/web01.qcow2"), capacity: 1 << 16, run: Self.run)
            }
            #expect(access(scratch.path + "/elsewhere", F_OK) != 0)
        }
    }

    @Test(
        "is a qcow2 over its base, whatever the base is called", .enabled(if: hasQemuImg),
        arguments: ["base.raw", "my disk, old.raw", "a,b=c.raw", "é\"'.raw", "50%.raw"])
    func created(name: String) async throws {
        try await withScratchFolder { scratch in
            let base = try scratch.write("tank/" + name, [UInt8](repeating: 0, count: 1 << 16))
            let disk = disk(base: base, overlay: scratch.path + "/over lay,s.qcow2")
            try await OverlayFile.create(disk, capacity: 1 << 16, run: Self.run)
            let content = try readFile(disk.overlay)
            #expect(content.starts(with: [0x51, 0x46, 0x49, 0xFB]))
            // The backing file's name stands in the header as it is.
            let header = content.prefix(4096)
            // Byte 24 and on: the size that the guest sees (QEMU's docs/interop/qcow2.txt).
            #expect(content[24..<32].reduce(0) { $0 << 8 | Int($1) } == 1 << 16)
            let wanted = Array(base.utf8)
            #expect(header.indices.contains { header[$0...].starts(with: wanted) })
            var status = stat()
            #expect(stat(disk.overlay, &status) == 0)
            #expect(status.st_mode & 0o777 == 0o600)
            try OverlayFile.remove(disk)
            #expect(access(disk.overlay, F_OK) != 0)
            #expect(access(base, F_OK) == 0)
        }
    }

    @Test("is gone again when qemu-img fails", .enabled(if: hasQemuImg))
    func failed() async throws {
        try await withScratchFolder { scratch in
            let disk = OverlayDisk(
                target: "vda", base: "/dev/null", baseFormat: "nonsense", overlay: scratch.path + "/web01.qcow2")
            let error = await #expect(throws: HypervisorError.self) {
                try await OverlayFile.create(disk, capacity: 1 << 16, run: Self.run)
            }
            #expect(error?.code == .overlay)
            #expect(error?.remedy == .fallBack)
            #expect(error.map { "\($0)".contains("nonsense") } == true)
            #expect(access(disk.overlay, F_OK) != 0)
        }
    }

    @Test("cannot be made in a folder that is not there")
    func noFolder() async throws {
        try await withScratchFolder { scratch in
            let disk = disk(base: "/dev/null", overlay: scratch.path + "/none/web01.qcow2")
            let error = await #expect(throws: HypervisorError.self) {
                try await OverlayFile.create(disk, capacity: 1 << 16, run: Self.run)
            }
            #expect(error?.remedy == .fallBack)
            #expect(error?.cause != nil)
        }
    }

    @Test("may be removed twice, but not where a folder stands in its place")
    func removed() throws {
        try withScratchFolder { scratch in
            let overlay = disk(base: "/a", overlay: try scratch.write("a.qcow2", "x"))
            try OverlayFile.remove(overlay)
            try OverlayFile.remove(overlay)
            #expect(access(overlay.overlay, F_OK) != 0)
            let folder = disk(base: "/a", overlay: try scratch.folder("b.qcow2"))
            let error = #expect(throws: HypervisorError.self) { try OverlayFile.remove(folder) }
            #expect(error?.remedy == .retry)
        }
    }

    private func disk(base: String, overlay: String) -> OverlayDisk {
        OverlayDisk(target: "vda", base: base, baseFormat: "raw", overlay: overlay)
    }
}
