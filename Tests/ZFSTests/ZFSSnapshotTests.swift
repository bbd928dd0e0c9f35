import TestSupport
import Testing
import ZFS

@Suite("Snapshots as zfs lists them")
struct ZFSSnapshotTests {
    /// A zfs that says this, whatever it is asked, and notes its calls.
    private func saying(
        _ output: String, errors: String = "", status: Int = 0,
        _ body: (ZFSCommand) async throws -> Void
    ) async throws -> [String] {
        try await withScratchFolder { scratch in
            try scratch.write("output", output)
            try scratch.write("errors", errors)
            let path = scratch.path
            let script = """
                #!/bin/sh
                echo "$*" >> \(path)/calls
                case "$*" in *name,source,value*) grep -v guid \(path)/output; exit 0;; *'-d 0') printf 'tank\\nmy pool\\n'; exit 0;; esac
                cat \(path)/output; cat \(path)/errors >&2
                [ \(status) -lt 128 ] || kill -9 $$
                exit \(status)
                """
            try await body(ZFSCommand(executable: try scratch.write("zfs", script, mode: 0o755), timeout: .seconds(20)))
            return try String(decoding: readFile(path + "/calls"), as: UTF8.self).split(separator: "\n").map(
                String.init)
        }
    }

    private static let listing = """
        tank/my VMs\tguid\t1
        tank/my VMs\t-\t-
        tank/my VMs@a b\tguid\t18446744073709551615
        tank/my VMs@a b\tlocal\ta value
        tank/my VMs@none\tguid\t3
        tank/my VMs@none\t-\t-
        tank/my VMs/db\tguid\t4
        tank/my VMs/db@a b\tguid\t5
        tank/my VMs/db@a b\t-\t-
        tank/my VMs#mark\tguid\t6
        tank/my VMs@half\tlocal\tx
        a line of no shape

        """

    @Test("have their GUIDs and the properties that are set; datasets and bookmarks between them are passed over")
    func shapes() async throws {
        let calls = try await saying(Self.listing) { zfs async throws in
            let found = try await zfs.snapshots(of: DatasetName("tank/my VMs"), properties: ["stillpoint:run"])
            #expect(found.map(\.name.rawValue) == ["tank/my VMs@a b", "tank/my VMs@none", "tank/my VMs/db@a b"])
            #expect(found.map(\.guid) == ["18446744073709551615", "3", "5"])
            #expect(found.map(\.properties) == [["stillpoint:run": "a value"], [:], [:]])
        }
        #expect(
            calls == [
                "get -r -H -p -o name,property,value guid tank/my VMs",
                "get -r -H -p -o name,source,value stillpoint:run tank/my VMs",
            ])
    }

    @Test("of all pools are asked for pool by pool, names with blanks too")
    func pools() async throws {
        let calls = try await saying("") { zfs async throws in
            #expect(try await zfs.pools() == ["tank", "my pool"])
            #expect(try await zfs.snapshots(of: nil).isEmpty)
        }
        #expect(calls.last == "get -r -H -p -o name,property,value guid tank my pool")
    }

    @Test("are none where no pool is imported, without another call")
    func noPool() async throws {
        try await withScratchFolder { scratch in
            let path = try scratch.write("zfs", "#!/bin/sh\n[ $1 = list ] || exit 9\n", mode: 0o755)
            #expect(try await ZFSCommand(executable: path).snapshots(of: nil).isEmpty)
        }
    }

    @Test("that are named are listed though others of them are missing")
    func missing() async throws {
        let calls = try await saying(
            "tank/VM@a b\tguid\t7\n",
            errors: "cannot open 'tank/VM@x': dataset does not exist\ncannot open 'gone@y': dataset does not exist\n",
            status: 1
        ) { zfs async throws in
            let names = try ["tank/VM@x", "tank/VM@a b", "gone@y"].map { (text) in try SnapshotName(text) }
            #expect(try await zfs.guids(of: names) == [names[1]: "7"])
            #expect(try await zfs.snapshots(named: names).count == 1)
        }
        #expect(calls.first == "get -H -p -o name,property,value guid tank/VM@x tank/VM@a b gone@y")
    }

    @Test(
        "are not taken for missing when zfs fails in another way",
        arguments: [
            ("", 1), ("", 137), ("", 2), ("cannot open 'tank/VM@x': pool I/O is currently suspended\n", 1),
            ("cannot open 'tank/VM@x': dataset does not exist\ninternal error\n", 1),
            ("cannot open 'tank/VM@x': dataset does not exist\n", 2),
            ("Permission denied the ZFS utilities must be run as root.\n", 1),
        ])
    func failing(errors: String, status: Int) async throws {
        _ = try await saying("", errors: errors, status: status) { zfs async throws in
            let name = try SnapshotName("tank/VM@x")
            await #expect(throws: ZFSError.self) { try await zfs.snapshots(named: [name]) }
            await #expect(throws: ZFSError.self) { try await zfs.guids(of: [name]) }
            await #expect(throws: ZFSError.self) { try await zfs.snapshots(of: name.dataset) }
        }
    }

    @Test("are asked for in several calls when there are many")
    func many() async throws {
        let calls = try await saying("tank@1\tguid\t1\n") { zfs async throws in
            let found = try await zfs.guids(of: (1...600).map { try SnapshotName("tank@\($0)") })
            #expect(found.count == 1)
        }
        #expect(calls.count == 3)
    }

    @Test("need no call when none is named")
    func nothing() async throws {
        #expect(try await ZFSCommand(executable: "/nowhere/zfs").snapshots(named: []).isEmpty)
    }
}
