import TestSupport
import Testing
import ZFS

@Suite("A user property that somebody chose")
struct ForgedPropertyTests {
    /// A zfs that says this of the GUIDs, this of the property, and this of the property of `tank/b@s` alone.
    private func saying(
        _ property: String, alone: String = "-\t-\n", guids: String = "tank/a@s\tguid\t1\ntank/b@s\tguid\t2\n",
        _ body: ([ListedSnapshot]) throws -> Void
    ) async throws {
        try await withScratchFolder { scratch in
            for (name, text) in [("guids", guids), ("property", property), ("alone", alone)] {
                try scratch.write(name, text)
            }
            let path = scratch.path
            let script = """
                #!/bin/sh
                case "$*" in
                *name,property,value*) cat \(path)/guids;;
                *name,source,value*) cat \(path)/property;;
                *) cat \(path)/alone;;
                esac
                """
            let zfs = ZFSCommand(executable: try scratch.write("zfs", script, mode: 0o755), timeout: .seconds(20))
            try body(try await zfs.snapshots(of: DatasetName("tank"), properties: ["a:run"]))
        }
    }

    @Test(
        "is no other snapshot's",
        arguments: [
            "tank/a@s\tlocal\tx\ntank/b@s\tlocal\tforged\ntank/b@s\t-\t-\n",
            "tank/a@s\tlocal\tx\ntank/b@s\tlocal\tforged\n\ntank/b@s\tlocal\tforged too\ntank/b@s\t-\t-\n",
            "tank/a@s\tlocal\tx\r\ntank/b@s\t-\t-\n",
        ])
    func lines(output: String) async throws {
        try await saying(output) { found in
            #expect(found.map(\.guid) == ["1", "2"])
            #expect(found[1].properties.isEmpty)
        }
    }

    @Test("that made up a line for another one costs that one nothing of its own")
    func own() async throws {
        try await saying(
            "tank/a@s\tlocal\tx\ntank/b@s\tlocal\tforged\ntank/b@s\tlocal\tits own\n", alone: "local\tits own\n"
        ) {
            found in
            #expect(found.map(\.properties) == [["a:run": "x"], ["a:run": "its own"]])
        }
    }

    @Test(
        "counts only where it was set on the snapshot, and drives no terminal",
        arguments: [
            ("inherited from tank\tx", nil), ("default\tx", nil), ("local\tx", "x"), ("received\tx", "x"),
            ("-\t-", nil),
            ("local\t\u{1B}[2J", nil), ("local\ta\tb", nil), ("local\t-", nil), ("x", nil),
        ] as [(String, String?)])
    func sources(text: String, expected: String?) async throws {
        try await saying("tank/a@s\t\(text)\ntank/b@s\t-\t-\n") { found in
            #expect(found[0].properties["a:run"] == expected)
        }
    }

    @Test("never is a GUID, nor is a property that was not asked for")
    func guids() async throws {
        try await saying("", guids: "tank/a@s\tguid\tx\ntank/b@s\tguid\t2\ntank/b@s\tguid\t3\ntank/b@s\tother\ty\n") {
            found in
            #expect(found.map(\.guid) == ["2"])
            #expect(found[0].properties.isEmpty)
        }
    }
}
