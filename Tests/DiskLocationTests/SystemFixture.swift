import DiskLocation
import Support
import TestSupport

/// A tree of plain files and links that looks like a storage host's /proc, /sys and /dev.
///
/// zd0 is tank/VM/zv1 with one partition, zd16 `tank/VM/my disk`, zd32 `tank/other/data-part1`; dm-0 lies on zd0p1 and
/// zd16, dm-1 on dm-0, md0 on dm-1, sda is a plain disk, loop0 shows a file on tank/VM.
struct SystemFixture {
    let scratch: ScratchFolder
    let roots: SystemRoots

    init(_ scratch: ScratchFolder) throws {
        self.scratch = scratch
        roots = SystemRoots(
            proc: try scratch.folder("proc"), sys: try scratch.folder("sys"), dev: try scratch.folder("dev"))
        try makeFiles()
        for (name, parent) in [
            ("zd0", nil), ("zd0p1", "zd0"), ("zd16", nil), ("zd32", nil), ("dm-0", nil), ("dm-1", nil), ("md0", nil),
            ("md0p1", "md0"), ("sda", nil), ("sda1", "sda"), ("loop0", nil), ("loop0p1", "loop0"), ("loop1", nil),
        ] as [(String, String?)] {
            try device(name, partitionOf: parent)
        }
        try volumeLinks()
        for (holder, slave) in [
            ("dm-0", "zd0p1"), ("dm-0", "zd16"), ("dm-1", "dm-0"), ("md0", "dm-1"), ("dm-1", "md0"),
        ] {
            try scratch.link("sys/devices/virtual/block/\(holder)/slaves/\(slave)", to: "../../\(slave)")
        }
        try scratch.write(
            "sys/devices/virtual/block/loop0/loop/backing_file", "\(scratch.path)/tank/VM/disk.raw\n")
        try scratch.write("sys/devices/virtual/block/loop1/loop/backing_file", "\(scratch.path)/dev/zd32 (deleted)\n")
    }

    private func makeFiles() throws {
        let path = scratch.path
        try scratch.write("tank/VM/disk.raw", "")
        try scratch.write("tank/VM2/disk.raw", "")
        try scratch.write(
            "proc/self/mountinfo",
            """
            1 0 8:1 / / rw - ext4 /dev/sda1 rw
            2 1 0:2 / \(path)/tank rw shared:1 - zfs tank rw
            3 2 0:3 / \(path)/tank/VM rw shared:2 - zfs tank/VM rw

            """)
    }

    private func device(_ name: String, partitionOf parent: String?) throws {
        let folder = "devices/virtual/block/" + (parent.map { $0 + "/" } ?? "") + name
        try scratch.folder("sys/" + folder)
        if parent != nil {
            try scratch.write("sys/\(folder)/partition", "1\n")
        } else {
            try scratch.link("sys/block/\(name)", to: "../\(folder)")
        }
        try scratch.link("sys/class/block/\(name)", to: "../../\(folder)")
        try scratch.write("dev/\(name)", "")
    }

    private func volumeLinks() throws {
        for (link, target) in [
            ("zvol/tank/VM/zv1", "../../../zd0"), ("zvol/tank/VM/zv1-part1", "../../../zd0p1"),
            ("zvol/tank/VM/my+disk", "../../../zd16"), ("zvol/tank/other/data-part1", "../../../zd32"),
            ("zvol/tank/gone", "../../zd48"), ("zvol/tank/VM/zv1@daily", "../../../zd32"),
            ("tank/VM/zv1", "../../zd0"), ("mapper/vg-lv", "../dm-1"), ("disk/by-diskseq/9", "../../zd0"),
            ("disk/by-id/part", "../../zd0p1"),
        ] {
            try scratch.link("dev/" + link, to: target)
        }
    }
}

extension MountTable {
    init(mountinfo: String) {
        self.init(mountinfo: Array(mountinfo.utf8))
    }
}
