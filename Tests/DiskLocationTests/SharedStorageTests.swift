import DiskLocation
import Support
import TestSupport
import Testing

@Suite("A file that other hosts may reach")
struct SharedStorageTests {
    private static let table = """
        1 0 8:1 / / rw - ext4 /dev/sda1 rw
        2 1 0:2 / /net rw - nfs4 filer:/vol rw
        3 1 0:3 / /tank rw - zfs tank rw
        4 1 0:4 / /gluster rw - fuse.glusterfs vol rw

        """

    @Test(
        "lies on a file system that hosts share, or below what this host exports",
        arguments: [
            ("/var/o/a.qcow2", nil), ("/net/o/a.qcow2", "nfs4"), ("/gluster/a.qcow2", "glusterfs"),
            ("/tank/o/a.qcow2", nil), ("/tank/out/a.qcow2", "/tank/out"), ("/tank/outer/a.qcow2", nil),
        ] as [(String, String?)])
    func reason(path: String, part: String?) throws {
        try withScratchFolder { scratch in
            try scratch.write("proc/self/mountinfo", Self.table)
            try scratch.write("etc/exports", "/tank/out *(rw)\n")
            let reason = try SharedStorage.reason(
                path, roots: SystemRoots(proc: scratch.path + "/proc"), root: scratch.path)
            if let part { #expect(reason?.contains(part) == true) } else { #expect(reason == nil) }
        }
    }
}
