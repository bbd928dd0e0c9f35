import Glibc
import HostFixtures
import Hypervisor
import RAMArchive
import SnapshotManagers
import TestSupport
import Testing

@testable import Engine
@testable import Operator
@testable import RunState
@testable import Support

@Suite("Pruning never deletes", .serialized)
struct PrunerCareTests {
    private func pruneOrphans(_ pool: PoolBench) async -> ExitCode {
        await pool.operating.prune([], orphans: true, dryRun: false)
    }

    @Test("files in cold storage that no side-car tells of")
    func strangers() async throws {
        try await withPool { pool async throws in
            let files = ["cold/photo.ram", "cold/tank/VM/web01/20200101T000000Z-aaaaaa.ram", "cold/notes.txt"]
            for file in files { try pool.scratch.write(file, "mine") }
            try pool.archived()
            #expect(await pruneOrphans(pool) == .done)
            for file in files { #expect(pool.has(file), "\(file)") }
        }
    }

    @Test(
        "by a side-car that cannot be believed",
        arguments: [
            ("truncated", #"{"format": 1, "run""#), ("empty", ""), ("no side-car", #"{"name": "a package"}"#),
            ("newer", #"{"format": 3}"#),
        ])
    func damagedSideCar(name: String, content: String) async throws {
        try await withPool { pool async throws in
            let path = try pool.archived()
            try removeFile(at: pool.catalogue.folder + "/\(PoolBench.run).json")
            try pool.scratch.write("cold/tank/VM/web01/\(PoolBench.run).json", content)
            #expect(await pruneOrphans(pool) == .done)
            #expect(fileExists(path) && fileExists(ArchiveManifest.path(of: path)))
            #expect(pool.log.text.contains("warning: "))
        }
    }

    @Test("a file that a side-car names as its dump's source")
    func foreignSource() async throws {
        try await withPool { pool async throws in
            let path = try pool.archived()
            pool.scratch.remove("state")
            let victim = try pool.scratch.write("victim", "mine")
            var lying = try ArchiveManifest.read(ArchiveManifest.path(of: path))
            lying.machines[0].dump?.source = victim
            lying.machines[0].dump?.path = FileAccess.lastComponent(path)
            try StateFile.write(lying, to: ArchiveManifest.path(of: path))
            #expect(await pruneOrphans(pool) == .done)
            #expect(fileExists(victim))
        }
    }

    @Test("a dump of which nothing says what snapshots it belongs to")
    func withoutSnapshots() async throws {
        try await withPool { pool async throws in
            let dump = try pool.dump()
            try pool.keep([keptMachine(dump: dump)], in: ["tank/other@daily"])
            #expect(await pruneOrphans(pool) == .done)
            #expect(fileExists(dump.path))
            #expect(pool.catalogue.contains(PoolBench.run))
        }
    }

    @Test(
        "a catalogue that it cannot read, nor what that keeps of other VMs",
        arguments: [#"{"format": 1"#, #"{"format": 9}"#])
    func damagedCatalogue(content: String) async throws {
        try await withPool { pool async throws in
            let path = try pool.archived()
            try pool.scratch.write("state/restore-points/\(PoolBench.run).json", content)
            try pool.scratch.write("state/restore-points/\(PoolBench.run)/other/machine.json", "{}")
            #expect(await pruneOrphans(pool) == .done)
            #expect(!fileExists(path))
            #expect(pool.has("state/restore-points/\(PoolBench.run).json"))
            #expect(pool.has("state/restore-points/\(PoolBench.run)/other/machine.json"))
        }
    }

    @Test("anything while zfs fails", arguments: ["^get", "^list", "guid"])
    func failing(pattern: String) async throws {
        try await withPool { pool async throws in
            let path = try pool.archived()
            try pool.pool.fail(pattern)
            #expect(await pruneOrphans(pool) == .failed)
            #expect(await pool.bench.run(.prune, ["tank/VM@daily"]) == .needsRecovery)
            #expect(fileExists(path))
        }
    }

    @Test("anything when a signal ends zfs")
    func killed() async throws {
        try await withPool { pool async throws in
            let dump = try pool.dump()
            try pool.pool.add("tank/VM@daily")
            try pool.keep([keptMachine(dump: dump)], hasGUIDs: false)
            try pool.scratch.write(
                "bin/zfs", "#!/bin/sh\n[ \"$*\" = 'list -H -o name -d 0' ] && { echo tank; exit; }\nkill -9 $$\n",
                mode: 0o755)
            #expect(await pruneOrphans(pool) == .failed)
            #expect(fileExists(dump.path))
        }
    }

    @Test("is not begun for names that are none")
    func badName() async throws {
        try await withPool { pool async throws in
            #expect(await pool.operating.prune(["tank/VM"], orphans: false, dryRun: false) == .usage)
            #expect(try pool.pool.calls().isEmpty)
        }
    }
}
