import DiskLocation
import Glibc
import TestSupport
import Testing
import ZFS

@Suite("The storage map")
struct StorageMapTests {
    private func locate(_ path: String) throws -> [String] {
        try withScratchFolder { scratch in
            let map = try StorageMap(roots: SystemFixture(scratch).roots)
            return try map.locate(scratch.path + path).datasets.map(\.rawValue).sorted()
        }
    }

    @Test(
        "follows a device to its volumes",
        arguments: [
            ("/dev/zvol/tank/VM/zv1", ["tank/VM/zv1"]), ("/dev/zd0", ["tank/VM/zv1"]),
            ("/dev/zvol/tank/VM/zv1-part1", ["tank/VM/zv1"]), ("/dev/zd0p1", ["tank/VM/zv1"]),
            ("/dev/zvol/tank/VM/my+disk", ["tank/VM/my disk"]), ("/dev/zd16", ["tank/VM/my disk"]),
            ("/dev/zvol/tank/other/data-part1", ["tank/other/data-part1"]), ("/dev/zd32", ["tank/other/data-part1"]),
            ("/dev/tank/VM/zv1", ["tank/VM/zv1"]), ("/dev/disk/by-diskseq/9", ["tank/VM/zv1"]),
            ("/dev/disk/by-id/part", ["tank/VM/zv1"]),
            ("/dev/dm-0", ["tank/VM/my disk", "tank/VM/zv1"]), ("/dev/dm-1", ["tank/VM/my disk", "tank/VM/zv1"]),
            ("/dev/mapper/vg-lv", ["tank/VM/my disk", "tank/VM/zv1"]),
            ("/dev/md0", ["tank/VM/my disk", "tank/VM/zv1"]), ("/dev/md0p1", ["tank/VM/my disk", "tank/VM/zv1"]),
            ("/dev/loop0", ["tank/VM"]), ("/dev/loop0p1", ["tank/VM"]), ("/dev/loop1", ["tank/other/data-part1"]),
            ("/dev/sda", []), ("/dev/sda1", []),
        ])
    func devices(path: String, expected: [String]) throws {
        #expect(try locate(path) == expected)
    }

    @Test(
        "follows a file to its dataset",
        arguments: [
            ("/tank/VM/disk.raw", ["tank/VM"]), ("/tank/VM2/disk.raw", ["tank"]), ("/tank/VM", ["tank/VM"]),
            ("/tank/VM/new.qcow2", ["tank/VM"]), ("/tank/VM2/../VM/disk.raw", ["tank/VM"]), ("/proc", []),
        ])
    func files(path: String, expected: [String]) throws {
        #expect(try locate(path) == expected)
    }

    @Test("leads to many files in one walk, each in its own folder")
    func walk() throws {
        try withScratchFolder { scratch in
            let map = try StorageMap(roots: SystemFixture(scratch).roots)
            let walk = PathLocator()
            // One name in two spellings: Swift takes them for equal, the kernel does not.
            let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
            for folder in ["tank/VM/\(composed)", "tank/\(decomposed)"] { try scratch.write("\(folder)/a.raw", "") }
            try scratch.write("tank/VM/b.raw", "")
            try scratch.link(composed, to: "tank/VM/\(composed)")
            try scratch.link(decomposed, to: "tank/\(decomposed)")
            try scratch.link("linked", to: "tank/VM")
            try scratch.link("tank/VM/c.raw", to: "../\(decomposed)/a.raw")
            let places = try [
                "linked/b.raw", "linked/disk.raw", "\(composed)/a.raw", "\(decomposed)/a.raw", "linked/c.raw",
                "linked/none.raw", "linked/", "linked/../disk.raw",
            ].map { try map.locate(scratch.path + "/" + $0, by: walk) }
            #expect(
                places.map { Array($0.resolvedPath.utf8) }
                    == [
                        "tank/VM/b.raw", "tank/VM/disk.raw", "tank/VM/\(composed)/a.raw", "tank/\(decomposed)/a.raw",
                        "tank/\(decomposed)/a.raw", "tank/VM/none.raw", "tank/VM", "tank/disk.raw",
                    ].map { Array("\(scratch.path)/\($0)".utf8) })
            #expect(
                places.map { $0.datasets.map(\.rawValue) }
                    == [["tank/VM"], ["tank/VM"], ["tank/VM"], ["tank"], ["tank"], ["tank/VM"], ["tank/VM"], ["tank"]])
        }
    }

    @Test(
        "tells what of a volume a device is",
        arguments: [
            ("/dev/zvol/tank/VM/zv1", .whole), ("/dev/zd16", .whole), ("/dev/disk/by-diskseq/9", .whole),
            ("/dev/zvol/tank/other/data-part1", .whole), ("/dev/zvol/tank/VM/zv1-part1", .partition(1)),
            ("/dev/zd0p1", .partition(1)), ("/dev/disk/by-id/part", .partition(1)), ("/dev/mapper/vg-lv", .stacked),
            ("/dev/dm-0", .stacked), ("/dev/md0p1", .stacked), ("/dev/loop0", .stacked), ("/dev/loop1", .stacked),
            ("/dev/sda1", .stacked), ("/tank/VM/disk.raw", nil), ("/tank/VM/none.raw", nil),
        ] as [(String, VolumePart?)])
    func volumeParts(path: String, expected: VolumePart?) throws {
        try withScratchFolder { scratch in
            let map = try StorageMap(roots: SystemFixture(scratch).roots)
            #expect(try map.locate(scratch.path + path).volumePart == expected)
        }
    }

    @Test(
        "tells by a path's name what of a volume it is",
        arguments: [
            ("/dev/zvol/tank/my+disk", .whole), ("/dev/tank/my+disk", .whole), ("/dev/zd0", .whole),
            ("/dev/zvol/tank/my+disk-part12", .partition(12)), ("/dev/tank/my+disk-part3", .partition(3)),
            ("/dev/zd160p2", .partition(2)), ("/dev/zvol/tank/my+disk2", nil), ("/dev/zvol/tank/my+disk-part", nil),
            ("/dev/zvol/tank/my+disk-part1/x", nil), ("/dev/zvol/tank/my+disk-part0", nil), ("/dev/mapper/zd0", nil),
            ("/dev/zdx", nil), ("/tank/my disk", nil), ("", nil),
        ] as [(String, VolumePart?)])
    func namedPart(path: String, expected: VolumePart?) throws {
        let volume = try DatasetName("tank/my disk")
        #expect(volume.volumePart(named: path) == expected)
        if let expected { #expect(VolumePart(rawValue: expected.rawValue) == expected) }
    }

    @Test("follows symbolic links, also one to a file that is not made yet")
    func links() throws {
        try withScratchFolder { scratch in
            let map = try StorageMap(roots: SystemFixture(scratch).roots)
            try scratch.link("images/a", to: "../tank/VM/disk.raw")
            try scratch.link("images/new", to: "../tank/VM/none.raw")
            try scratch.link("images/zv", to: scratch.path + "/dev/tank/VM/zv1")
            try scratch.link("images/circle", to: "circle")
            let dataset = try DatasetName("tank/VM")
            let found = try map.locate(scratch.path + "/images/a")
            #expect(found == DiskLocation(resolvedPath: scratch.path + "/tank/VM/disk.raw", datasets: [dataset]))
            let new = try map.locate(scratch.path + "/images/new")
            #expect(new == DiskLocation(resolvedPath: scratch.path + "/tank/VM/none.raw", datasets: [dataset]))
            #expect(try map.locate(scratch.path + "/images/zv").datasets == [try DatasetName("tank/VM/zv1")])
            let error = #expect(throws: StorageError.self) { try map.locate(scratch.path + "/images/circle") }
            #expect(error?.code == .unreadable)
        }
    }

    @Test(
        "refuses what it cannot follow",
        arguments: [
            ("/nowhere/at/all", .notFound), ("/etc/passwd/x", .notFound), ("relative/path", .badPath), ("", .badPath),
            ("json:{}", .badPath), ("/a\u{0}b", .badPath),
        ] as [(String, StorageError.Code)])
    func refused(path: String, code: StorageError.Code) throws {
        let map = try StorageMap()
        let error = #expect(throws: StorageError.self) { try map.locate(path) }
        #expect(error?.code == code)
    }

    @Test(
        "knows what is mounted, what is a volume, and what is above them",
        arguments: [
            ("tank", true), ("tank/VM", true), ("tank/VM/zv1", true), ("tank/VM/my disk", true), ("tank/other", true),
            ("tank/other/data-part1", true), ("tank/VM/zv1-part1", false), ("tank/gone", false), ("tank/V", false),
            ("rpool", false), ("tank/VM/zv1/x", false),
        ])
    func known(name: String, expected: Bool) throws {
        try withScratchFolder { scratch in
            let map = try StorageMap(roots: SystemFixture(scratch).roots)
            #expect(map.isKnown(try DatasetName(name)) == expected)
        }
    }

    @Test(
        "lists a dataset with all that is known below it",
        arguments: [
            (
                "tank",
                ["tank", "tank/VM", "tank/VM/my disk", "tank/VM/zv1", "tank/other", "tank/other/data-part1"]
            ), ("tank/VM", ["tank/VM", "tank/VM/my disk", "tank/VM/zv1"]), ("tank/VM/zv1", ["tank/VM/zv1"]),
            ("tank/V", []),
        ])
    func children(name: String, expected: [String]) throws {
        try withScratchFolder { scratch in
            let map = try StorageMap(roots: SystemFixture(scratch).roots)
            #expect(map.childrenAndSelf(of: try DatasetName(name)).sorted().map(\.rawValue) == expected)
        }
    }

    @Test("reads the volumes when first needed and not before")
    func lazily() throws {
        try withScratchFolder { scratch in
            let fixture = try SystemFixture(scratch)
            let map = try StorageMap(roots: fixture.roots)
            _ = try map.locate(scratch.path + "/tank/VM/disk.raw")
            try scratch.write("dev/zd64", "")
            try scratch.link("dev/zvol/tank/late", to: "../../zd64")
            #expect(map.isKnown(try DatasetName("tank/late")))
        }
    }

    @Test("works on this machine as it is")
    func thisMachine() throws {
        let map = try StorageMap()
        #expect(try map.locate("/proc/self/status").datasets.isEmpty)
        #expect(try map.locate("/dev/null").datasets.isEmpty)
    }
}
