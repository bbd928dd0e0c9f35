import TestSupport
import Testing
import ZFS

@Suite("Datasets, as zfs tells and changes them")
struct ZFSDatasetTests {
    private static let dataset = "tank/my VMs"

    private func script(_ text: String, _ body: (ZFSCommand) async throws -> Void) async throws -> [String] {
        try await withScratchFolder { scratch in
            let script = "#!/bin/sh\necho \"$*\" >> \(scratch.path)/calls\n\(text)\n"
            try await body(ZFSCommand(executable: try scratch.write("zfs", script, mode: 0o755), timeout: .seconds(20)))
            return try String(decoding: readFile(scratch.path + "/calls"), as: UTF8.self).split(separator: "\n")
                .map(String.init)
        }
    }

    @Test(
        "a property is its value, or nil where it is not set",
        arguments: [
            ("/tank/my VMs", "/tank/my VMs"), ("-", nil), ("", nil), ("yes", "yes"), ("none", "none"),
            ("a\\tb", "a\tb"),
        ] as [(String, String?)])
    func property(output: String, expected: String?) async throws {
        let calls = try await script("printf '%b\\n' '\(output)'") { zfs async throws in
            #expect(try await zfs.property("mountpoint", of: DatasetName(Self.dataset)) == expected)
        }
        #expect(calls == ["get -H -p -o value mountpoint tank/my VMs"])
    }

    @Test("each change is one call")
    func changes() async throws {
        let calls = try await script("exit 0") { zfs async throws in
            let snapshot = try SnapshotName("tank/my VMs@a b")
            let clone = try DatasetName("tank/clone")
            try await zfs.clone(snapshot, to: clone)
            try await zfs.clone(snapshot, to: clone, properties: [("readonly", "on"), ("a:b", "c d")])
            try await zfs.rollBack(to: snapshot, destroyingNewer: false)
            try await zfs.rollBack(to: snapshot, destroyingNewer: true)
            try await zfs.destroyClone(clone)
        }
        #expect(
            calls == [
                "clone tank/my VMs@a b tank/clone", "clone -o readonly=on -o a:b=c d tank/my VMs@a b tank/clone",
                "rollback tank/my VMs@a b", "rollback -r tank/my VMs@a b", "destroy -r tank/clone",
            ])
    }

    @Test("a call that fails is told with what zfs said", arguments: [1, 2, 137])
    func failing(status: Int) async throws {
        let end = status == 137 ? "kill -9 $$" : "exit \(status)"
        _ = try await script("echo 'cannot do it: dataset is busy' >&2; \(end)") { zfs async throws in
            let snapshot = try SnapshotName("tank/VM@a")
            let calls: [@Sendable () async throws -> Void] = [
                { _ = try await zfs.property("guid", of: snapshot.dataset) },
                { try await zfs.clone(snapshot, to: snapshot.dataset.pool) },
                { try await zfs.rollBack(to: snapshot, destroyingNewer: true) },
                { try await zfs.destroyClone(snapshot.dataset) }, { _ = try await zfs.pools() },
            ]
            for call in calls {
                let error = await #expect(throws: ZFSError.self) { try await call() }
                #expect(error?.code == .failed)
                #expect(error?.exitStatus == (status == 137 ? nil : Int32(status)))
                #expect(error?.firstErrorLine == "cannot do it: dataset is busy")
            }
        }
    }
}
