import DiskLocation
import Glibc
import Support
import SystemPackage
import TestSupport
import Testing
import ZFS

@Suite("The folder where a dataset is mounted")
struct MountTableFolderTests {
    private func table(_ scratch: ScratchFolder, device: String? = nil) throws -> MountTable {
        var status = stat()
        try #require(stat(scratch.path, &status) == 0)
        let own = "\(status.st_dev >> 8 & 0xFFF):\(status.st_dev & 0xFF | (status.st_dev >> 12) & 0xFFFFFF00)"
        return MountTable(
            mountinfo: Array(
                """
                1 0 8:1 / / rw - ext4 /dev/sda1 rw
                2 1 \(device ?? own) / \(scratch.path)/host/tank rw - zfs tank rw

                """.utf8))
    }

    @Test func `is that dataset's own`() throws {
        try withScratchFolder { scratch in
            try scratch.write("host/tank/file", "x")
            let folder = try #require(try table(scratch).folder(of: DatasetName("tank")))
            #expect(folder.names == ["file"])
            #expect(try table(scratch).folder(of: DatasetName("other")) == nil)
        }
    }

    @Test(arguments: ["0:4095", "8:1", "", "0", "x:y"])
    func `is not one of another file system that lies in its place`(device: String) throws {
        try withScratchFolder { scratch in
            try scratch.folder("host/tank")
            let table = try table(scratch, device: device.isEmpty ? "-" : device)
            _ = #expect(throws: Errno.staleNFSFileHandle) { try table.folder(of: DatasetName("tank")) }
        }
    }

    @Test func `is not what a stranger's link in its place leads to`() throws {
        try withScratchFolder { scratch in
            try scratch.folder("etc")
            try scratch.link("host/tank", to: scratch.path + "/etc")
            try scratch.giveAway("host")
            _ = #expect(throws: Errno.tooManySymbolicLinkLevels) { try table(scratch).folder(of: DatasetName("tank")) }
        }
    }

    @Test func `is missing where it was unmounted and removed`() throws {
        try withScratchFolder { scratch in
            _ = #expect(throws: Errno.noSuchFileOrDirectory) { try table(scratch).folder(of: DatasetName("tank")) }
        }
    }
}
