import TestSupport
import Testing

/// `examples/guest/fsfreeze-hook` with hooks that note their calls; those for databases run in `GuestDatabaseTests`.
@Suite("The program that a guest's agent calls")
struct GuestHookTests {
    /// A hook that notes how it is called, and ends as it is told to.
    private static func hook(freeze: String = "exit 0", thaw: String = "exit 0") -> String {
        "#!/bin/sh\necho \"${0##*/} $1\" >>\"$CALLS\"\ncase $1 in freeze) \(freeze) ;; thaw) \(thaw) ;; esac\n"
    }

    /// Calls the program with each of these arguments in turn; what the hooks noted, and how each call ended.
    private static func run(
        _ hooks: [String: String], _ calls: [String], settings: String = ""
    ) throws -> (noted: [String], ends: [String]) {
        try withScratchFolder { scratch in
            for (name, text) in hooks {
                try scratch.write("hooks/\(name)", text, mode: name.hasSuffix(".txt") ? 0o644 : 0o755)
            }
            let said = try shell(
                """
                export CALLS='\(scratch.path)/calls' FSFREEZE_HOOKS='\(scratch.path)/hooks' \
                    FSFREEZE_STATE='\(scratch.path)/state' \(settings)
                touch "$CALLS"
                for call in \(calls.joined(separator: " ")); do
                    '\(Page.top)/examples/guest/fsfreeze-hook' "$call" 2>/dev/null
                    echo "$?"
                done
                """)
            let noted = String(decoding: try readFile(scratch.path + "/calls"), as: UTF8.self)
            return (noted.split(separator: "\n").map(String.init), said.output.split(separator: "\n").map(String.init))
        }
    }

    @Test("freezes in the order of names, thaws in the other, and leaves out what is no hook")
    func order() throws {
        let names = ["a", "b", "c~", "d.sample", "e.dpkg-old", "f.txt", "g.rpmsave"]
        let got = try Self.run(
            Dictionary(uniqueKeysWithValues: names.map { ($0, Self.hook()) }), ["freeze", "thaw", "thaw"])
        #expect(got.noted == ["a freeze", "b freeze", "b thaw", "a thaw", "b thaw", "a thaw"])
        #expect(got.ends == ["0", "0", "0"])
    }

    @Test("fails where a hook fails, and has then thawed that one and those before it, and called no other")
    func failure() throws {
        let hooks = ["a": Self.hook(), "b": Self.hook(freeze: "exit 5", thaw: "exit 1"), "c": Self.hook()]
        let got = try Self.run(hooks, ["freeze", "thaw"])
        #expect(got.noted == ["a freeze", "b freeze", "b thaw", "a thaw", "c thaw", "b thaw", "a thaw"])
        // The thaw that the host sends for safety's sake has nothing to complain of.
        #expect(got.ends == ["1", "0"])
    }

    @Test("ends a hook that hangs, and is not held up by what a hook leaves behind")
    func hanging() throws {
        let clock = ContinuousClock()
        let start = clock.now
        let hooks = ["a": Self.hook(freeze: "sleep 30 &"), "b": Self.hook(freeze: "exec sleep 50")]
        let got = try Self.run(hooks, ["freeze"], settings: "FREEZE_LIMIT=2")
        #expect(got.noted == ["a freeze", "b freeze", "b thaw", "a thaw"])
        #expect(got.ends == ["1"] && clock.now - start < .seconds(25))
    }

    @Test("says once that a lock had ended before the thaw, and thaws the others all the same")
    func early() throws {
        let hooks = ["a": Self.hook(), "b": Self.hook(thaw: "exit 1")]
        let got = try Self.run(hooks, ["freeze", "thaw", "thaw"])
        #expect(got.noted == ["a freeze", "b freeze", "b thaw", "a thaw", "b thaw", "a thaw"])
        #expect(got.ends == ["0", "1", "0"])
    }

    @Test("does nothing where there are no hooks, and knows no other word")
    func nothing() throws {
        #expect(try Self.run([:], ["freeze", "thaw", "status"]).ends == ["0", "0", "2"])
    }

    @Test("and each hook is a script that sh reads, and may be run")
    func scripts() throws {
        let folder = "\(Page.top)/examples/guest"
        let said = try shell(
            """
            for script in '\(folder)'/fsfreeze-hook '\(folder)'/fsfreeze-hook.d/*; do
                [ -x "$script" ] && sh -n "$script" || exit 1
            done
            """)
        #expect(said.status == 0 && said.output.isEmpty, "\(said.output)")
        #expect(try ScratchFolder(path: folder).names(in: "fsfreeze-hook.d").count == 4)
    }
}
