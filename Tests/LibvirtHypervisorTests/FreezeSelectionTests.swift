import Hypervisor
import Testing

@testable import LibvirtHypervisor

@Suite("What is frozen in a guest")
struct FreezeSelectionTests {
    private static func mount(
        _ place: String, _ type: String = "ext4", on disks: [String] = ["vda"], device: String = ""
    ) -> GuestFileSystem {
        GuestFileSystem(mountPoint: place, disks: disks, type: type, device: device)
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var listed: [GuestFileSystem]?
        var held: Set<String> = ["vda"]
        var writable: Set<String> = ["vda"]
        /// Nil: all.
        var mountPoints: [String]?
        /// So many have to be frozen; nil: nobody knows.
        var wanted: Int?
    }

    @Test(
        "is what lies on the disks that get an overlay, and all that can be frozen of it must be",
        arguments: [
            Case(testDescription: "one disk, all of it", listed: [mount("/"), mount("/home")], wanted: 2),
            Case(
                testDescription: "an EFI partition cannot be frozen",
                listed: [mount("/"), mount("/boot/efi", "vfat")], wanted: 1),
            Case(
                testDescription: "nor can what FUSE serves, nor a CD",
                listed: [mount("/"), mount("/x", "fuseblk"), mount("/media", "iso9660")], wanted: 1),
            Case(
                testDescription: "an unknown type counts: in doubt the claim is lowered",
                listed: [mount("/"), mount("/new", "somefs")], wanted: 2),
            Case(
                testDescription: "Windows: NTFS counts, FAT32 does not",
                listed: [mount("C:\\", "NTFS"), mount("System Reserved", "NTFS"), mount("E:\\", "FAT32")], wanted: 2),
            Case(
                testDescription: "one file system in two places is frozen once",
                listed: [mount("/", device: "vda1"), mount("/srv", device: "vda1"), mount("/b", device: "vda2")],
                wanted: 2),
            Case(
                testDescription: "a part of the disks",
                listed: [mount("/"), mount("/data", on: ["vdb"])], writable: ["vda", "vdb"], mountPoints: ["/"],
                wanted: 1),
            Case(
                testDescription: "a part of the disks, and a file system that may lie on any",
                listed: [mount("/"), mount("/lvm", on: [])], writable: ["vda", "vdb"], wanted: 2),
            Case(
                testDescription: "nothing on the disks that get an overlay: freeze all",
                listed: [mount("/", on: ["vdb"])], writable: ["vda", "vdb"], wanted: 1),
            Case(
                testDescription: "Windows: a part of the disks, but VSS freezes them all",
                listed: [
                    mount("C:\\", "NTFS"),
                    mount("\\\\?\\Volume{1}\\", "NTFS", on: ["vdb"], device: "\\\\?\\Volume{1}\\"),
                ], writable: ["vda", "vdb"], wanted: 2),
            Case(testDescription: "a guest that cannot list them", listed: nil),
        ])
    func selection(_ example: Case) {
        let selection = FreezeSelection(example.listed, held: example.held, writable: example.writable)
        #expect(selection.mountPoints == example.mountPoints)
        #expect(selection.freezable?.count == example.wanted)
        if let wanted = example.wanted {
            #expect(selection.shortfall(frozen: wanted) == nil && selection.shortfall(frozen: wanted + 1) == nil)
            #expect(selection.shortfall(frozen: wanted - 1) != nil)
        } else {
            #expect(selection.shortfall(frozen: 1) == nil)
        }
    }

    @Test(
        "knows Windows by its volumes, or by what a guest that does not list them calls its system",
        arguments: [
            ([mount("C:\\", "NTFS")], nil, true), ([mount("System Reserved", device: "\\\\?\\Volume{1}\\")], nil, true),
            ([mount("/", device: "vda1"), mount("/a\\b\\")], nil, false), ([mount("/")], "mswindows", false),
            (nil, "mswindows", true), (nil, "debian", false), (nil, nil, false), ([], nil, false),
        ] as [([GuestFileSystem]?, String?, Bool)])
    func windows(listed: [GuestFileSystem]?, system: String?, isWindows: Bool) {
        let selection = FreezeSelection(listed, held: ["vda"], writable: ["vda"], system: system)
        #expect(selection.isWindows == isWindows)
    }

    @Test(
        "has nothing to freeze only where all that is listed is of types that cannot be frozen",
        arguments: [
            ([mount("/"), mount("/boot/efi", "vfat")], false), ([mount("/boot/efi", "vfat")], true), ([], true),
            (nil, false), ([mount("/new", "somefs")], false),
        ] as [([GuestFileSystem]?, Bool)])
    func nothing(listed: [GuestFileSystem]?, isObstacle: Bool) {
        let selection = FreezeSelection(listed, held: ["vda"], writable: ["vda"])
        #expect(selection.obstacle?.reason == (isObstacle ? .freezeFailed : nil))
    }

    @Test("names what was not frozen")
    func shortfall() {
        let selection = FreezeSelection([Self.mount("/"), Self.mount("/var")], held: ["vda"], writable: ["vda"])
        #expect(
            selection.shortfall(frozen: 1) == "the guest froze 1 of 2 file systems that can be frozen (/, /var)")
    }
}

@Suite("A guest's answers to a thaw")
struct ThawAnswerTests {
    private static let silent = LibvirtError(number: 86, message: "Guest agent is not responding")
    private static let lateVSS = LibvirtError(
        number: 1, message: "couldn't hold writes: fsfreeze is limited up to 10 seconds: ")

    @Test(
        "lower the claim unless they say that it was frozen until then",
        arguments: [
            (.success(2), nil, true), (.success(0), nil, false), (.failure(silent), 2, true),
            (.failure(silent), 0, false), (.failure(silent), nil, false), (.failure(lateVSS), 2, false),
            (.failure(lateVSS), 0, false),
        ] as [(Result<Int, any Error>, Int?, Bool)])
    func doubt(first: Result<Int, any Error>, later: Int?, wasFrozen: Bool) {
        let window = FreezeWindow(
            frozen: .success(2), moved: .success(()), thawed: first, duration: .milliseconds(40))
        #expect((window.doubt(later) == nil) == wasFrozen)
    }

    @Test("a freeze that was refused leaves no thaw pending: it may be somebody else's")
    func refused() {
        let error = LibvirtError(
            number: 1, message: "Command guest-fsfreeze-freeze has been disabled: the agent is in frozen state")
        #expect(error.isRefusedByAgent && error.saysThatGuestIsFrozen && !error.isAgentSilent)
        let window = FreezeWindow(frozen: .failure(error), thawed: .failure(error), duration: .zero)
        #expect(!window.isThawPending)
        let silent = FreezeWindow(frozen: .failure(Self.silent), thawed: .failure(Self.silent), duration: .zero)
        #expect(silent.isThawPending)
    }
}
