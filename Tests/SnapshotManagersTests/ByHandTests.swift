import SnapshotManagers
import Testing
import ZFS

@Suite("A hook that a person calls")
struct ByHandTests {
    @Test("keeps the very pairs that were named, each once")
    func pairs() throws {
        let found = try ManagerTests.read(.pre, ["tank/VM@a", "rpool@b", "tank/VM@a", "tank/VM@b"])
        #expect(found.manager == .byHand)
        #expect(found.snapshots.map(\.rawValue) == ["tank/VM@a", "rpool@b", "tank/VM@b"])
        #expect(found.targets.map(\.rawValue) == ["tank/VM", "rpool"])
        #expect(found.snapshotNames == ["a", "b"])
        #expect(found.recursion == .no)
    }

    @Test(
        "takes its options anywhere",
        arguments: [["-r", "tank@a b"], ["tank@a b", "-r"], ["--recursive", "--", "tank@a b"]])
    func recursive(arguments: [String]) throws {
        let found = try ManagerTests.read(.pre, arguments)
        #expect(found.recursion == .yes)
        #expect(found.snapshots.map(\.rawValue) == ["tank@a b"])
    }

    @Test(
        "takes datasets without a name, as zfs-autobackup's commands have them",
        arguments: [
            ["tank/VM"], ["tank/VM", "tank/b"], ["tank", "rpool", "other"], ["tank/VM", "rpool"], ["tank", "rpool"],
            ["tank", "backup-2026-11-29"], ["tank", "backup-2026-11-29-011"],
            ["tank", "a-2026-11-29-0117", "b-2026-11-29-0117"],
        ])
    func bareDatasets(arguments: [String]) throws {
        let found = try ManagerTests.read(.pre, arguments)
        #expect(found.manager == .byHand)
        #expect(found.targets.map(\.rawValue) == arguments)
        #expect(found.snapshots.isEmpty && found.snapshotNames.isEmpty)
    }

    @Test("says how it is called when nothing is named", arguments: Phase.allCases)
    func usage(phase: Phase) {
        for arguments in [[], ["-r"], ["--dry-run", "--"]] {
            let error = #expect(throws: InvocationError.self) {
                try ManagerTests.read(phase, arguments, ["PATH": "/bin", "SANOID_PRE_FAILURE": "1"])
            }
            #expect(error?.code == .usage)
            #expect(error?.message.contains("\(phase)-snapshot [-r] DATASET@NAME") == true)
            #expect(error?.message.contains("\n") == false)
        }
    }

    @Test("gives help and version when asked", arguments: Phase.allCases)
    func help(phase: Phase) {
        for option in ["-h", "--help"] {
            let error = #expect(throws: InvocationError.self) { try ManagerTests.read(phase, ["tank@a", option]) }
            #expect(error?.code == .helpRequested)
            #expect(error?.message.hasPrefix("usage: \(phase)-snapshot") == true)
        }
        let error = #expect(throws: InvocationError.self) { try ManagerTests.read(phase, ["--version"]) }
        #expect(error?.code == .versionRequested)
    }

    @Test(
        "refuses arguments that make no sense",
        arguments: [
            (["tank@a", "tank"], "DATASET@NAME for each"), (["tank", "tank@a"], "DATASET@NAME for each"),
            (["tank@"], "empty"), (["@a"], "empty"), (["tank@a@b"], "position 2"), (["tank//x@a"], "two slashes"),
            (["tank/x\n@a"], "\\n"), ([""], "empty"), (["tank", ""], "empty"), (["-x", "tank@a"], "-x"),
            (["--recursive=yes", "tank@a"], "takes no value"), (["--config"], "--config VALUE"),
            (["--config="], "--config VALUE"), (["--deadline"], "--deadline VALUE"),
            (["--deadline", "soon"], "soon"), (["--deadline", "0"], "above 0"), (["--deadline", "-1"], "above 0"),
            (["--deadline", "inf"], "above 0"), (["--deadline", "1e3"], "above 0"),
            (["--deadline", "99999999999"], "above 0"), (["--", "-r"], "letter"),
            (["tank@" + String(repeating: "x", count: 300)], "shorten"),
            ([String(repeating: "x", count: 300), "a"], "shorten"), (["-\u{1B}[0m"], "\\u{1B}"),
        ])
    func refused(arguments: [String], words: String) {
        let error = #expect(throws: InvocationError.self) { try ManagerTests.read(.pre, arguments) }
        #expect(error?.code == .badValue)
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
        #expect(error?.message.unicodeScalars.contains { $0.value < 0x20 } == false)
    }

    @Test("is made of parts in a test")
    func parts() throws {
        let snapshot = try SnapshotName("tank@a")
        let made = Invocation(manager: .byHand, phase: .pre, snapshots: [snapshot, snapshot])
        #expect(made == (try ManagerTests.read(.pre, ["tank@a"])))
    }
}
