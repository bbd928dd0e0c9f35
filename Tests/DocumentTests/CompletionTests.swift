import TestSupport
import Testing

@Suite("A shell completes")
struct CompletionTests {
    private static let shells = ["bash", "zsh", "fish"]
    private static let first = "tank/VM@autosnap_2026-11-21_11:00:00_daily"

    /// What is typed before the tabulator, what is shown then, and what is not.
    private static let lines: [(line: String, shown: [String], notShown: [String])] = [
        ("stillpoint ", ["check", "snapshot", "restore", "recover"], []),
        ("stillpoint restore --", ["--as", "--vm", "--in-place", "--untrusted"], ["--adopt"]),
        ("stillpoint list tank/V", ["VM", "db"], ["other"]),
        ("stillpoint restore tank/VM@", ["autosnap", "_hourly", "-22_11:00:00_daily"], ["\\"]),
        ("stillpoint restore \(first.dropLast(4))", [first], ["hourly"]),
        ("stillpoint show tank/o", ["tank/other@"], ["VM"]),
        ("stillpoint snapshot tank/VM/", ["tank/VM/db@"], []),
        ("stillpoint restore \(first) --vm ", ["db1", "web"], ["touch", "$"]),
        ("stillpoint plan tank/VM --type ho", ["hourly"], []),
        ("stillpoint explain SP30", ["SP301", "SP303"], ["SP101"]),
        ("stillpoint explain agent-sil", ["agent-silent"], []),
        ("stillpoint list --config /etc/passw", ["/etc/passwd"], []),
    ]

    @Test("commands, options, datasets, snapshots, VMs and files", arguments: shells)
    func completes(shell name: String) throws {
        try withShell(name) { complete in
            for (line, shown, notShown) in Self.lines {
                let text = try complete(line)
                // What was typed is shown, too; and what is typed to find out that it is done.
                let answer = text.split(separator: "echo").first.map(String.init) ?? ""
                for word in shown { #expect(answer.contains(word), "\(line): \(text)") }
                for word in notShown { #expect(!answer.contains(word), "\(line): \(text)") }
            }
        }
    }

    @Test("nothing, and says nothing, where stillpoint is not in the PATH", arguments: shells)
    func absent(shell name: String) throws {
        try withShell(name, hasProgram: false) { complete in
            let text = try complete("stillpoint list tank/V").lowercased()
            #expect(!text.contains("not found") && !text.contains("unknown command"), "\(text)")
        }
    }

    @Test(
        "nothing, and says nothing, where nothing can be found out",
        arguments: [
            "restore -- positional@0 2 0 stillpoint restore ''", "list -- positional@0 2 0 stillpoint list ''",
            "restore -- --vm 3 0 stillpoint restore --vm ''", "recover -- --run 3 0 stillpoint recover --run ''",
            "restore -- --vm 4 0 stillpoint restore tank/a@b --vm ''",
        ])
    func unknown(request: String) throws {
        try withScratchFolder { scratch in
            try scratch.write("bin/zfs", "#!/bin/sh\necho no such pool >&2\nexit 1\n", mode: 0o755)
            let said = try shell(
                "STILLPOINT_CONFIG=/nothing PATH='\(scratch.path)/bin':\"$PATH\" '\(Programs.folder)/stillpoint' ---completion \(request)"
            )
            #expect(said.status == 0 && said.output.allSatisfy(\.isWhitespace), "\(said.output)")
        }
    }

    @Test("nothing after two seconds, where zfs hangs")
    func hanging() throws {
        try withScratchFolder { scratch in
            try scratch.write("bin/zfs", "#!/bin/sh\nexec sleep 30\n", mode: 0o755)
            let begin = ContinuousClock.now
            let said = try shell(
                "PATH='\(scratch.path)/bin':\"$PATH\" '\(Programs.folder)/stillpoint' ---completion list -- positional@0 2 0 stillpoint list ''"
            )
            #expect(said.status == 0 && said.output.allSatisfy(\.isWhitespace), "\(said.output)")
            #expect(begin.duration(to: .now) < .seconds(15))
        }
    }

    /// - Parameter body: gets what types a line and a tabulator, and gives what the terminal shows.
    private func withShell(_ name: String, hasProgram: Bool = true, _ body: ((String) throws -> String) throws -> Void)
        throws
    {
        try withScratchFolder { scratch in
            try scratch.write("bin/zfs", Self.zfs, mode: 0o755)
            let scripts = Self.shells.map { "'\(scratch.path)/\($0)'" }.joined(separator: " ")
            let made = try shell("'\(Page.top)/packaging/completions' '\(Programs.folder)' \(scripts)")
            try #require(made.status == 0 && made.output.isEmpty, "\(made.output)")
            let folder = hasProgram ? ":'\(Programs.folder)'" : ""
            try body { line in
                let file = try scratch.write("line", line)
                let said = try shell(
                    "PATH='\(scratch.path)/bin'\(folder):/usr/bin:/bin '\(Page.top)/Tests/Packaging/complete.py' \(name) "
                        + "'\(scratch.path)/\(name)' \"$(cat '\(file)'; echo .)\"")
                try #require(said.status == 0, "\(line): \(said.output)")
                return said.output
            }
        }
    }

    private static let zfs = """
        #!/bin/sh
        case "$*" in
        *filesystem,volume) printf 'tank\\ntank/VM\\ntank/VM/db\\ntank/other\\n' ;;
        *createtxg\\ tank/VM)
            for name in 21_11:00:00_daily 21_11:00:00_hourly 22_11:00:00_daily; do echo tank/VM@autosnap_2026-11-$name; done ;;
        *createtxg*) ;;
        get*guid*) printf '%s\\tguid\\t1\\n' \(first) ;;
        get*name,source,value*) printf '%s\\tlocal\\tdb1=quiesced,web=crash:agent-silent,%%24(touch%%20x)=crash\\n' \(first) ;;
        *) exit 1 ;;
        esac
        """
}
