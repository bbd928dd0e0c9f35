import Hypervisor
import TestSupport
import Testing

@testable import LibvirtHypervisor

@Suite("An overlay that others changed while a VM was on it")
struct ChangedOverlayTests {
    private func disk(_ overlay: String, base: String = "/dev/zvol/tank/vm", format: String = "raw") -> OverlayDisk {
        OverlayDisk(target: "vda", base: base, baseFormat: format, overlay: overlay)
    }

    @Test("is kept with the internal snapshots in it", arguments: [(0, nil), (1, "an internal"), (3, "3 internal")])
    func internalSnapshots(count: UInt64, words: String?) throws {
        try withScratchFolder { scratch in
            var image = HeaderFixture()
            image.changes = [
                (60, HeaderFixture.bytes(count, 4)), (64, HeaderFixture.bytes(count == 0 ? 0 : 2 << 16, 8)),
            ]
            let disk = disk(try scratch.write("a.qcow2", image.bytes))
            guard let words else { return try disk.requireNoInternalSnapshot(of: "web") }
            let error = #expect(throws: HypervisorError.self) { try disk.requireNoInternalSnapshot(of: "my web") }
            #expect(error?.code == .changed && error?.remedy == .stop)
            #expect(error?.message.contains("somebody took \(words) snapshot") == true, "\(error?.message ?? "")")
            #expect(error?.message.contains("virsh snapshot-delete 'my web' SNAPSHOT") == true)
        }
    }

    @Test("is not read where it is gone or no image")
    func nothing() throws {
        try withScratchFolder { scratch in
            try disk(scratch.path + "/none.qcow2").requireNoInternalSnapshot(of: nil)
            try disk(try scratch.write("b.qcow2", "no image")).requireNoInternalSnapshot(of: nil)
        }
    }

    @Test("and is larger than a volume: that is named with the size it needs")
    func smallBase() throws {
        try withScratchFolder { scratch in
            let overlay = try scratch.write("a.qcow2", HeaderFixture().bytes)
            let reason = disk(overlay).smallBaseReason { _ in 1 << 19 }
            #expect(reason?.contains("resized to 1048576 bytes") == true)
            #expect(reason?.contains("has 524288") == true && reason?.contains("volsize=1048576") == true)
            #expect(disk(overlay).smallBaseReason { _ in 1 << 20 } == nil)
            #expect(disk(overlay).smallBaseReason { _ in throw CancellationError() } == nil)
            // QEMU enlarges a file, and an image in a device has room or not as ever.
            #expect(disk(overlay, base: "/tank/a.raw").smallBaseReason { _ in 0 } == nil)
            #expect(disk(overlay, format: "qcow2").smallBaseReason { _ in 0 } == nil)
        }
    }
}
