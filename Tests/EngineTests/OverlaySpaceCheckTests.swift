import Glibc
import HostFixtures
import SnapshotManagers
import TestSupport
import Testing

@testable import Engine

@Suite("The overlay folder")
struct OverlaySpaceCheckTests {
    private func check(_ host: HostFixture, _ folder: String, disks: Int = 1) throws {
        let room = OverlaySpaceCheck(scope: try host.scope(["tank/VM"], recursion: .yes), storage: try host.storage())
        try room.check("\(host.scratch.path)/\(folder)", disks: disks)
    }

    @Test("is good beside the snapshotted datasets", arguments: ["overlays", "tank", "tank/other", "links/overlays"])
    func good(folder: String) throws {
        try withHost { host in
            try host.scratch.link("links/overlays", to: "../overlays")
            #expect(throws: Never.self) { try check(host, folder) }
        }
    }

    @Test(
        "is refused with a fix",
        arguments: [
            ("none", .missing, "install -d -m 0711"), ("file", .missing, "install -d"),
            ("tank/VM", .onSnapshottedDataset, "lies on tank/VM,"),
            ("tank/VM/overlays", .onSnapshottedDataset, "set overlay_dir to a folder on another dataset"),
            ("tank/VM/db", .onSnapshottedDataset, "lies on tank/VM/db,"),
            ("links/inside", .onSnapshottedDataset, "lies on tank/VM,"),
        ] as [(String, WorkFolderError.Code, String)])
    func refused(folder: String, code: WorkFolderError.Code, text: String) throws {
        try withHost { host in
            try host.scratch.write("file", "")
            try host.scratch.link("links/inside", to: host.scratch.path + "/tank/VM/overlays")
            let error = #expect(throws: WorkFolderError.self) { try check(host, folder) }
            #expect(error?.code == code)
            #expect(error?.description.contains(text) == true)
            #expect(error?.description.contains("\(host.scratch.path)/\(folder)") == true)
        }
    }

    @Test("must have room for every disk")
    func full() throws {
        try withHost { host in
            let error = #expect(throws: WorkFolderError.self) { try check(host, "overlays", disks: 1 << 30) }
            #expect(error?.code == .tooLittleRoom)
            #expect(error?.description.contains("make room or set overlay_dir") == true)
        }
    }

    @Test("must be writable", .enabled(if: geteuid() != 0))
    func notWritable() throws {
        try withHost { host in
            try #require(chmod(host.scratch.path + "/overlays", 0o500) == 0)
            let error = #expect(throws: WorkFolderError.self) { try check(host, "overlays") }
            #expect(error?.code == .notWritable)
        }
    }
}
