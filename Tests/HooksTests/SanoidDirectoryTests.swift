import Glibc
import HostFixtures
import SnapshotManagers
import TestSupport
import Testing

@testable import Engine

@Suite("sanoid's --configdir")
struct SanoidDirectoryTests {
    private static let environment = [
        "SANOID_TARGET": "tank/VM", "SANOID_SNAPNAME": "daily", "SANOID_SCRIPT": "pre",
    ]

    /// A /proc in which a process called this test's own, a wrapper between.
    private func add(
        _ scratch: ScratchFolder, name: String = "sanoid", _ words: [String], folder: String? = nil
    ) throws {
        let zeros = Array(repeating: "0", count: 17).joined(separator: " ")
        try scratch.write("proc/\(getppid())/stat", "\(getppid()) (wrapper) S 4242 \(zeros) 77 0 0\n")
        try scratch.write("proc/4242/stat", "4242 (\(name)) S 1 \(zeros) 77 0 0\n")
        try scratch.write("proc/4242/cmdline", words.map { $0 + "\0" }.joined())
        if let folder { try scratch.link("proc/4242/cwd", to: folder) }
    }

    private static func told(_ directory: String) -> [String] {
        ["/usr/bin/perl", "-w", "/usr/sbin/sanoid", "--cron", "--configdir", directory]
    }

    /// sanoid.conf in `elsewhere` says that tank/VM is taken with all below it, the one of `sanoid_dir` that it is not.
    private func withTwo(_ body: (HookBench, HostFixture) async throws -> Void) async throws {
        try await withBench { bench, host async throws in
            bench.has(host.machine("db", host.disk("vda", "tank/VM/db/a.raw")))
            try bench.scratch.write("elsewhere/sanoid.conf", "[tank/VM]\nrecursive = zfs\nscript_timeout = 60\n")
            try bench.scratch.write("sanoid/sanoid.conf", "[tank/VM]\nscript_timeout = 60\n")
            try await body(bench, host)
        }
    }

    @Test("of the sanoid that called says where its sanoid.conf is", arguments: [true, false])
    func absolute(isRelative: Bool) async throws {
        try await withTwo { bench, host async throws in
            let path = bench.scratch.path
            try add(bench.scratch, Self.told(isRelative ? "elsewhere" : path + "/elsewhere"), folder: path)
            #expect(await bench.run(.pre, [], environment: Self.environment) == .done)
            #expect(bench.world.count("freeze") == 1)
        }
    }

    @Test(
        "is not believed of a process that is no sanoid, nor asked of where sanoid was not told; sanoid_dir counts then",
        arguments: [
            ("bash", told("ELSEWHERE")), ("sanoid", ["/usr/bin/perl", "/usr/sbin/sanoid", "--cron"]),
            ("sanoid", ["/usr/bin/perl", "/tmp/evil", "--configdir", "ELSEWHERE"]), ("sanoid", []),
        ])
    func notTold(name: String, words: [String]) async throws {
        try await withTwo { bench, host async throws in
            let words = words.map { $0 == "ELSEWHERE" ? bench.scratch.path + "/elsewhere" : $0 }
            try add(bench.scratch, name: name, words)
            #expect(await bench.run(.pre, [], environment: Self.environment) == .done)
            #expect(bench.world.count("freeze") == 0)
        }
    }

    @Test("is not asked of by other managers")
    func otherManager() async throws {
        try await withTwo { bench, host async throws in
            try add(bench.scratch, Self.told("/nonexistent"))
            #expect(await bench.run(.pre, ["tank/VM/db@daily"]) == .done)
            #expect(bench.world.count("freeze") == 1)
        }
    }

    @Test(
        "that cannot be read is refused before anything is touched",
        arguments: [
            ("PATH/nowhere", "nowhere/sanoid.conf: is what the sanoid that called works with"),
            ("relative", "its working folder cannot be seen; give it an absolute path"),
            ("PATH/open", "others may write to"), ("PATH/folder", "is not a regular file"),
        ])
    func unreadable(directory: String, said: String) async throws {
        try await withTwo { bench, host async throws in
            let path = bench.scratch.path
            try bench.scratch.write("open/sanoid.conf", "[tank/VM]\n", mode: 0o666)
            try bench.scratch.folder("folder/sanoid.conf")
            let told = directory.hasPrefix("PATH") ? path + directory.dropFirst(4) : directory
            try add(bench.scratch, Self.told(told))
            #expect(await bench.run(.pre, [], environment: Self.environment) == .usage)
            #expect(bench.world.calls.isEmpty && access(bench.statePath, F_OK) != 0)
            #expect(bench.log.text.contains(said), "\(bench.log.text)")
        }
    }
}
