import DiskLocation
import Support
import Testing
import ZFS

@Suite("The mount table")
struct MountTableTests {
    /// One line a mount: id, parent, mount point, source, and what differs.
    private static func line(
        _ id: Int, _ parent: Int, _ point: String, _ source: String, type: String = "zfs", root: String = "/",
        optional: String = ""
    ) -> String {
        "\(id) \(parent) 0:\(id) \(root) \(point) rw,relatime \(optional)- \(type) \(source) rw,xattr"
    }

    private static let root = line(1, 0, "/", "/dev/vda1", type: "ext4")

    @Test(
        "tells the mount of a path",
        arguments: [
            ("/tank/VM/a.qcow2", "tank/VM"), ("/tank/VM", "tank/VM"), ("/tank/VM2/a", "tank"), ("/tank", "tank"),
            ("/tank/VM/deep/x", "tank/VM/deep"), ("/tankard", nil), ("/", nil), ("/srv/legacy/x", "tank/legacy"),
        ] as [(String, String?)])
    func nested(path: String, expected: String?) {
        let table = MountTable(
            mountinfo: [
                Self.root, Self.line(2, 1, "/tank", "tank"), Self.line(3, 2, "/tank/VM", "tank/VM"),
                Self.line(4, 3, "/tank/VM/deep", "tank/VM/deep"), Self.line(5, 1, "/srv/legacy", "tank/legacy"),
            ].joined(separator: "\n"))
        #expect(table.mount(containing: path)?.dataset?.rawValue == expected)
    }

    @Test("takes a later mount over a folder for what hides the earlier ones below")
    func overMount() throws {
        let table = MountTable(
            mountinfo: [
                Self.root, Self.line(2, 1, "/tank/VM", "tank/VM"), Self.line(3, 1, "/tank", "other"),
            ].joined(separator: "\n"))
        #expect(table.mount(containing: "/tank/VM/a")?.source == "other")
        #expect(table.mountPoints(of: try DatasetName("tank/VM")).isEmpty)
        #expect(table.datasets == [try DatasetName("tank/VM"), try DatasetName("other")])
    }

    @Test("follows mounts stacked on one mount point, each on the one before")
    func stacked() throws {
        let table = MountTable(
            mountinfo: [
                Self.root, Self.line(2, 1, "/tank", "tank"), Self.line(3, 2, "/tank/VM", "tank/VM"),
                Self.line(4, 2, "/tank", "tmpfs", type: "tmpfs"),
            ].joined(separator: "\n"))
        #expect(table.mount(containing: "/tank/VM/a")?.source == "tmpfs")
        #expect(table.mountPoints(of: try DatasetName("tank")).isEmpty)
    }

    @Test("takes the last of several mounts with one parent and one mount point")
    func siblings() {
        let table = MountTable(
            mountinfo: [
                Self.root, Self.line(2, 1, "/tank", "first"), Self.line(3, 1, "/tank", "second"),
            ].joined(separator: "\n"))
        #expect(table.mount(containing: "/tank/x")?.source == "second")
    }

    @Test("begins at the last root whose parent is not in the table, and climbs what is stacked on it")
    func roots() {
        let table = MountTable(
            mountinfo: [
                Self.line(1, 1, "/", "rootfs", type: "rootfs"), Self.line(20, 0, "/", "rpool/ROOT"),
                Self.line(21, 20, "/", "rpool/ROOT/b"), Self.line(22, 21, "/srv", "rpool/srv"),
            ].joined(separator: "\n"))
        #expect(table.mount(containing: "/etc")?.source == "rpool/ROOT/b")
        #expect(table.mount(containing: "/srv/x")?.source == "rpool/srv")
    }

    @Test("serves a chroot that has no root mount")
    func chroot() {
        let table = MountTable(mountinfo: Self.line(30, 7, "/tank", "tank"))
        #expect(table.mount(containing: "/tank/x")?.source == "tank")
        #expect(table.mount(containing: "/etc") == nil)
    }

    @Test("survives a circle of parents")
    func circle() {
        let table = MountTable(
            mountinfo: [
                Self.root, Self.line(2, 3, "/a", "tank/a"), Self.line(3, 2, "/a", "tank/b"),
            ].joined(separator: "\n"))
        #expect(table.mount(containing: "/a/x")?.source == "/dev/vda1")
    }

    @Test(
        "undoes octal escapes",
        arguments: [
            ("/tank/my\\040VM", "tank/my\\040VM", "/tank/my VM", "tank/my VM"),
            ("/a\\011b", "tank", "/a\tb", "tank"), ("/a\\012b", "tank", "/a\nb", "tank"),
            ("/a\\134b", "tank", "/a\\b", "tank"), ("/a\\134040", "tank", "/a\\040", "tank"),
            ("/a\\04", "tank", "/a\\04", "tank"), ("/a\\303\\266", "tank", "/aö", "tank"),
        ])
    func escapes(written: String, source: String, point: String, dataset: String) throws {
        let table = MountTable(mountinfo: Self.root + "\n" + Self.line(2, 1, written, source))
        #expect(table.mount(containing: point + "/x")?.mountPoint == point)
        #expect(table.mountPoints(of: try DatasetName(dataset)) == [point])
    }

    @Test("tells bind mounts by their root, and lists those of the whole only")
    func bindMounts() throws {
        let table = MountTable(
            mountinfo: [
                Self.root, Self.line(2, 1, "/tank", "tank"), Self.line(3, 1, "/srv", "tank"),
                Self.line(4, 1, "/part", "tank", root: "/sub"),
            ].joined(separator: "\n"))
        #expect(table.mount(containing: "/part/x")?.dataset?.rawValue == "tank")
        #expect(table.mount(containing: "/part/x")?.root == "/sub")
        #expect(table.mountPoints(of: try DatasetName("tank")) == ["/tank", "/srv"])
    }

    @Test(
        "knows ZFS by its types and leaves snapshots out",
        arguments: [
            ("zfs", "tank/VM", "tank/VM"), ("fuse.zfs", "tank/VM", "tank/VM"), ("zfs", "tank/VM@daily", nil),
            ("ext4", "tank", nil), ("nfs4", "host:/tank", nil), ("zfs", "", nil),
        ] as [(String, String, String?)])
    func types(type: String, source: String, dataset: String?) {
        let table = MountTable(mountinfo: Self.root + "\n" + Self.line(2, 1, "/x", source, type: type))
        #expect(table.mounts.count == 2)
        #expect(table.mount(containing: "/x/y")?.dataset?.rawValue == dataset)
    }

    @Test(
        "passes over any number of optional fields", arguments: ["", "shared:1 ", "shared:1 master:2 ", "unbindable "])
    func optionalFields(fields: String) {
        let table = MountTable(mountinfo: Self.root + "\n" + Self.line(2, 1, "/x", "tank", optional: fields))
        #expect(table.mount(containing: "/x")?.dataset?.rawValue == "tank")
    }

    @Test(
        "passes over lines that are not whole",
        arguments: [
            "", "2", "2 1 0:2 / /x rw", "2 1 0:2 / /x rw -", "2 1 0:2 / /x rw - zfs", "a b c d e f - g h i",
            "2 1 0:2 / x rw - zfs tank rw",
        ])
    func truncated(line: String) {
        #expect(MountTable(mountinfo: Self.root + "\n" + line).mounts.map(\.id) == [1])
    }

    @Test("is read from this machine's proc, and its absence is told")
    func reading() throws {
        #expect(try MountTable.read().mount(containing: "/")?.mountPoint == "/")
        let error = #expect(throws: StorageError.self) {
            try MountTable.read(roots: SystemRoots(proc: "/nowhere"))
        }
        #expect(error?.code == .unreadable)
        #expect(error?.message.contains("/nowhere/self/mountinfo") == true)
    }
}
