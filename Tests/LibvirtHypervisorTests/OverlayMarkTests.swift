import Glibc
import Hypervisor
import Support
import SystemPackage
import TestSupport
import Testing

@testable import LibvirtHypervisor

@Suite("The run that is noted at an overlay")
struct OverlayMarkTests {
    private static let run = "20261121T110000Z-1f3c9a"

    /// Whether this process may set what root alone may (in a container it may not).
    private static let canMark: Bool = {
        (try? withScratchFolder { scratch in
            let file = try FileDescriptor.open(FilePath(scratch.write("a", "x")), .readWrite)
            return try file.closeAfter { file.setMark("x", named: "stillpoint.run") }
        }) ?? false
    }()

    private func hold(_ run: String, _ overlay: String) -> FreezeState {
        FreezeState(
            step: .held, snapshot: "stillpoint-\(run)",
            disks: [OverlayDisk(target: "vda", base: "/b", baseFormat: "raw", overlay: overlay)])
    }

    @Test("is read again, and tells another run's overlay of that name from one's own")
    func mark() throws {
        try withScratchFolder { scratch in
            let overlay = try scratch.write("o.stillpoint.qcow2", "x")
            let file = try FileDescriptor.open(FilePath(overlay), .readWrite)
            try file.closeAfter { OverlayMark.put(Self.run, on: file) }
            #expect(OverlayMark.run(of: overlay) == (Self.canMark ? Self.run : nil))
            #expect(OverlayMark.otherRun(of: overlay, than: hold(Self.run, overlay)) == nil)
            let other = hold("20261121T120000Z-1f3c9a", overlay)
            #expect(OverlayMark.otherRun(of: overlay, than: other) == (Self.canMark ? Self.run : nil))
        }
    }

    @Test("is none where there is none, no file, a link, or something else in its place")
    func none() throws {
        try withScratchFolder { scratch in
            let overlay = try scratch.write("o.stillpoint.qcow2", "x")
            #expect(OverlayMark.run(of: overlay) == nil)
            #expect(OverlayMark.otherRun(of: overlay, than: hold(Self.run, overlay)) == nil)
            #expect(OverlayMark.run(of: scratch.path + "/none") == nil)
            let file = try FileDescriptor.open(FilePath(overlay), .readWrite)
            try file.closeAfter { OverlayMark.put("../../etc/passwd", on: file) }
            #expect(OverlayMark.run(of: overlay) == nil)
            try scratch.link("l.qcow2", to: overlay)
            #expect(OverlayMark.run(of: scratch.path + "/l.qcow2") == nil)
        }
    }

    @Test(
        "has the form of a run's id",
        arguments: [
            (run, true), ("20261121T110000Z-zzzzzz", false), ("20261121T110000Z-1f3c9a0", false), ("", false),
            ("20261121T110000Z", false),
        ])
    func form(text: String, expected: Bool) {
        #expect(isRunID(text) == expected)
    }

    @Test("is told of each disk that a running VM has on one, and of no other image")
    func machine() throws {
        try withScratchFolder { scratch in
            let id = "11111111-2222-3333-4444-555555555555"
            let overlay = "\(scratch.path)/web01-\(id)-vda.stillpoint.qcow2"
            func xml(_ image: String) -> String {
                """
                <domain><name>web01</name><uuid>\(id)</uuid><devices>
                <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='\(image)'/>
                <backingStore type='file'><format type='raw'/><source file='/tank/a.raw'/><backingStore/></backingStore>
                <target dev='vda'/></disk></devices></domain>
                """
            }
            func disk(_ image: String) throws -> Disk? {
                try DomainDescription(xml: xml(image)) { _, _ in "" }.machine(.running).disks.first
            }
            let old = "/o/web01-\(id)-vda-\(Self.run).qcow2"
            let found = try [overlay, "/tank/own.qcow2", old].map { try disk($0)?.overlay }
            #expect(found[0] == DiskOverlay(path: overlay, run: nil))
            #expect(found[1] == nil)
            #expect(found[2] == DiskOverlay(path: old, run: Self.run))
        }
    }
}
