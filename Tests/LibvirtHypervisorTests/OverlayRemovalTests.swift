import Glibc
import Hypervisor
import TestSupport
import Testing

@testable import LibvirtHypervisor

@Suite("The deletion of an overlay")
struct OverlayRemovalTests {
    private func disk(_ path: String) -> OverlayDisk {
        OverlayDisk(target: "vda", base: "/b", baseFormat: "raw", overlay: path)
    }

    @Test("leaves one alone that a QEMU has open, also when it was opened after the last look, and deletes it later")
    func lock() throws {
        try withScratchFolder { scratch in
            let path = try scratch.write("o.qcow2", "image")
            let file = open(path, O_RDWR)
            defer { close(file) }
            // As block/file-posix.c locks an image that it writes to: F_OFD_SETLK on a byte from 100 on.
            var lock = flock()
            lock.l_type = Int16(F_RDLCK)
            lock.l_whence = Int16(SEEK_SET)
            lock.l_start = 101
            lock.l_len = 1
            #expect(fcntl(file, 37, &lock) == 0)
            #expect(throws: HypervisorError.self) { try OverlayFile.remove(disk(path)) }
            #expect(access(path, F_OK) == 0)
            lock.l_type = Int16(F_UNLCK)
            #expect(fcntl(file, 37, &lock) == 0)
            try OverlayFile.remove(disk(path))
            #expect(access(path, F_OK) != 0 && access(path + ".removed", F_OK) != 0)
        }
    }

    @Test("finishes what a kill between its two steps left, and is content with nothing")
    func repeated() throws {
        try withScratchFolder { scratch in
            let path = scratch.path + "/o.qcow2"
            try scratch.write("o.qcow2.removed", "image")
            try OverlayFile.remove(disk(path))
            #expect(access(path + ".removed", F_OK) != 0)
            try OverlayFile.remove(disk(path))
        }
    }
}
