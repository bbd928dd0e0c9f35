import TestSupport
import Testing
import ZFS

@Suite("User properties on snapshots")
struct ZFSPropertyTests {
    static let properties = [("stillpoint:consistency", "quiesced"), ("stillpoint:vms", "web 1=quiesced, db")]

    private func names(_ texts: [String]) throws -> [SnapshotName] {
        try texts.map { (text) in try SnapshotName(text) }
    }

    @Test("are set in one call where zfs takes several")
    func together() async throws {
        try await withScratchFolder { scratch in
            let zfs = try FakeZFS(scratch, .openZFS, existing: ["tank/VM@a b", "tank@b"])
            let snapshots = try names(["tank/VM@a b", "tank@b", "tank@b"])
            let outcomes = try await zfs.command.setUserProperties(Self.named, on: snapshots)
            #expect(outcomes == [snapshots[0]: .set, snapshots[1]: .set])
            #expect(
                try zfs.calls() == [
                    "set stillpoint:consistency=quiesced stillpoint:vms=web 1=quiesced, db tank/VM@a b tank@b"
                ])
            #expect(try zfs.stored().count == 4)
            #expect(try zfs.stored().contains("tank/VM@a b stillpoint:vms=web 1=quiesced, db"))
        }
    }

    @Test("are set one after another where zfs takes one a call", arguments: [FakeZFS.Family.fuse, .strict])
    func oneByOne(family: FakeZFS.Family) async throws {
        try await withScratchFolder { scratch in
            let zfs = try FakeZFS(scratch, family, existing: ["tank@a", "tank@b"])
            let snapshots = try names(["tank@a", "tank@b"])
            let outcomes = try await zfs.command.setUserProperties(Self.named, on: snapshots)
            #expect(outcomes == [snapshots[0]: .set, snapshots[1]: .set])
            #expect(try zfs.calls().count == 3)
            #expect(try zfs.stored().count == 4)
            #expect(try zfs.stored().contains("tank@b stillpoint:vms=web 1=quiesced, db"))
        }
    }

    @Test("are not tried together where zfs is known to take one a call")
    func knownOneByOne() async throws {
        try await withScratchFolder { scratch in
            let zfs = try FakeZFS(scratch, .fuse, existing: ["tank@a"])
            let command = ZFSCommand(executable: scratch.path + "/bin/zfs", takesSeveralProperties: false)
            let snapshots = try names(["tank@a"])
            #expect(try await command.setUserProperties(Self.named, on: snapshots) == [snapshots[0]: .set])
            #expect(try zfs.calls().count == 2)
            #expect(try zfs.stored().count == 2)
        }
    }

    @Test("reach the other snapshots where some are missing", arguments: FakeZFS.Family.allCases)
    func missing(family: FakeZFS.Family) async throws {
        try await withScratchFolder { scratch in
            let zfs = try FakeZFS(
                scratch, family, existing: ["tank@a", "tank@forbidden"], forbidden: ["tank@forbidden"])
            let snapshots = try names(["tank@gone", "tank@a", "tank@forbidden"])
            let outcomes = try await zfs.command.setUserProperties(Self.named, on: snapshots)
            #expect(outcomes[snapshots[0]] == .missing)
            #expect(outcomes[snapshots[1]] == .set)
            #expect(
                outcomes[snapshots[2]] == .failed("cannot set property for 'tank@forbidden': permission denied"))
            #expect(try zfs.stored().count == 2)
        }
    }

    @Test("are not asked for again once every snapshot is known to be missing")
    func allMissing() async throws {
        try await withScratchFolder { scratch in
            let zfs = try FakeZFS(scratch, .fuse, existing: [])
            let outcomes = try await zfs.command.setUserProperties(Self.named, on: try names(["tank@gone"]))
            #expect(Array(outcomes.values) == [.missing])
            #expect(try zfs.calls().count == 2)
        }
    }

    @Test("go to many snapshots in few calls")
    func many() async throws {
        try await withScratchFolder { scratch in
            let texts = (0..<600).map { "tank/VM\($0)@daily" }
            let zfs = try FakeZFS(scratch, .openZFS, existing: texts)
            let outcomes = try await zfs.command.setUserProperties([("a:b", "c")], on: try names(texts))
            #expect(outcomes.count == 600)
            #expect(outcomes.values.allSatisfy { $0 == .set })
            #expect(try zfs.calls().count == 3)
        }
    }

    @Test("need nothing to be called when there is nothing to set")
    func nothing() async throws {
        let command = ZFSCommand(executable: "/nowhere/zfs")
        #expect(try await command.setUserProperties([], on: names(["tank@a"])).isEmpty)
        #expect(try await command.setUserProperties(Self.named, on: []).isEmpty)
    }

    @Test(
        "are refused before any call where ZFS would not store them",
        arguments: [
            ("nocolon", "v"), ("", "v"), ("A:b", "v"), ("a b:c", "v"), ("-a:b", "v"), ("a:b=c", "v"),
            ("a:" + String(repeating: "x", count: 254), "v"), ("a:b", String(repeating: "v", count: 1025)),
            ("a:b", "\u{0}"),
        ])
    func refused(name: String, value: String) async throws {
        let snapshots = try names(["tank@a"])
        let error = await #expect(throws: ZFSError.self) {
            try await ZFSCommand(executable: "/nowhere/zfs").setUserProperties([(name, value)], on: snapshots)
        }
        #expect(error?.code == .badArgument)
    }

    @Test("may have values of 1024 bytes")
    func longest() async throws {
        try await withScratchFolder { scratch in
            let zfs = try FakeZFS(scratch, .openZFS, existing: ["tank@a"])
            let value = String(repeating: "v", count: ZFSCommand.longestPropertyValue)
            let outcomes = try await zfs.command.setUserProperties([("a:b", value)], on: try names(["tank@a"]))
            #expect(Array(outcomes.values) == [.set])
        }
    }

    private static var named: [(name: String, value: String)] { properties.map { (name: $0.0, value: $0.1) } }
}
