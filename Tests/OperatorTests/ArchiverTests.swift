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

@Suite("Moving RAM dumps to cold storage", .serialized)
struct ArchiverTests {
    @Test("leaves a whole dump, its side-car and a catalogue that says so", arguments: Compression.allCases)
    func moves(compression: Compression) async throws {
        try await withPool { pool async throws in
            let dump = try pool.dump()
            try pool.keep([keptMachine(dump: dump)])
            try pool.catalogue.markForArchive(PoolBench.run)
            #expect(try pool.archiver(compression: compression).run())
            #expect(!fileExists(dump.path))

            let kept = try #require(pool.catalogue.read(PoolBench.run).machines.first?.dump)
            #expect(kept.path == "\(pool.cold)/tank/VM/web01/\(PoolBench.run).ram")
            #expect(kept.source == nil && kept.problem == nil)
            let packed = try #require(kept.packed)
            #expect(packed.compression == compression)
            #expect(packed.plainBytes == dump.bytes)
            try unpack(kept.path, expecting: packed, to: dump.path, progress: nil)
            #expect(pool.catalogue.runsToArchive().isEmpty)
            #expect(
                try pool.scratch.names(in: "cold/tank/VM/web01") == [
                    "\(PoolBench.run).json", "\(PoolBench.run).ram",
                ])
            #expect(try pool.scratch.mode("cold/tank/VM") == 0o700)
            #expect(try pool.scratch.mode("cold/tank/VM/web01/\(PoolBench.run).ram") == 0o600)
        }
    }

    @Test("does nothing where nothing waits, and makes no folder")
    func nothing() async throws {
        try await withPool { pool async throws in
            #expect(try pool.archiver().run())
            #expect(!pool.has("state"))
        }
    }

    @Test("moves each VM's dump, and those that can be moved when one cannot")
    func several() async throws {
        try await withPool { pool async throws in
            let (one, two) = (try pool.dump("one"), try pool.dump("two"))
            try pool.keep([keptMachine("gone", dump: one), keptMachine("two", dump: two), keptMachine("off", .off)])
            try pool.catalogue.markForArchive(PoolBench.run)
            pool.scratch.remove("ram/one.ram")
            #expect(try !pool.archiver().run())
            let machines = try pool.catalogue.read(PoolBench.run).machines
            #expect(machines[0].dump?.problem?.contains("is not there") == true)
            #expect(machines[0].dump?.packed == nil)
            #expect(machines[1].dump?.packed != nil)
            #expect(pool.catalogue.runsToArchive() == [PoolBench.run])
            #expect(pool.log.text.contains("error: gone: its RAM of the run \(PoolBench.run) is not in cold storage"))
        }
    }

    @Test("forgets the mark of a run that was pruned meanwhile")
    func pruned() async throws {
        try await withPool { pool async throws in
            try pool.keep([])
            try pool.catalogue.markForArchive(PoolBench.run)
            try removeFile(at: pool.catalogue.folder + "/\(PoolBench.run).json")
            #expect(try pool.archiver().run())
            #expect(pool.catalogue.runsToArchive().isEmpty)
        }
    }

    @Test("leaves a damaged catalogue and its dump alone")
    func damaged() async throws {
        try await withPool { pool async throws in
            let dump = try pool.dump()
            try pool.keep([keptMachine(dump: dump)])
            try pool.catalogue.markForArchive(PoolBench.run)
            try pool.scratch.write("state/restore-points/\(PoolBench.run).json", "{\"format\": 1")
            #expect(try !pool.archiver().run())
            #expect(fileExists(dump.path))
            #expect(pool.catalogue.runsToArchive() == [PoolBench.run])
        }
    }

    @Test("moves no dump that has another length than it had when it was made", arguments: ["", "RAM", "longer"])
    func changedLength(content: String) async throws {
        try await withPool { pool async throws in
            let dump = try pool.dump("web01", "RAM 1")
            try pool.keep([keptMachine(dump: dump)])
            try pool.catalogue.markForArchive(PoolBench.run)
            try pool.scratch.write("ram/web01.ram", content)
            #expect(try !pool.archiver().run())
            #expect(try text(pool.scratch, "ram/web01.ram") == content)
            #expect(try pool.scratch.names(in: "cold/tank/VM/web01").isEmpty)
            #expect(try pool.catalogue.read(PoolBench.run).machines[0].dump?.problem?.contains("bytes") == true)
        }
    }

    enum Trouble: CaseIterable { case notSet, missing, file, link }

    @Test(
        "keeps the dump in ram_dir while there is no cold storage, and a later success clears the problem",
        arguments: Trouble.allCases)
    func noColdStorage(trouble: Trouble) async throws {
        try await withPool { pool async throws in
            let dump = try pool.dump()
            try pool.keep([keptMachine(dump: dump)])
            try pool.catalogue.markForArchive(PoolBench.run)
            var archiver = pool.archiver()
            switch trouble {
            case .notSet: archiver = pool.archiver(coldStorage: .some(nil))
            case .missing: pool.scratch.remove("cold")
            case .file:
                pool.scratch.remove("cold")
                try pool.scratch.write("cold", "")
            case .link:
                try pool.scratch.folder("elsewhere")
                try pool.scratch.link("cold/tank", to: pool.scratch.path + "/elsewhere")
            }
            #expect(try !archiver.run())
            let kept = try #require(pool.catalogue.read(PoolBench.run).machines.first?.dump)
            #expect(kept.packed == nil && kept.path == dump.path && fileExists(dump.path))
            #expect(kept.problem != nil)
            #expect(pool.catalogue.runsToArchive() == [PoolBench.run])
            if trouble == .link { #expect(try pool.scratch.names(in: "elsewhere").isEmpty) }

            pool.scratch.remove("cold")
            try pool.scratch.folder("cold")
            #expect(await pool.operating.archive() == .done)
            let moved = try #require(pool.catalogue.read(PoolBench.run).machines.first?.dump)
            #expect(moved.problem == nil && moved.packed != nil)
            #expect(!fileExists(dump.path))
        }
    }

    @Test("ends with exit code 3 as long as a dump waits", arguments: ["archive", "recover"])
    func exitCode(command: String) async throws {
        try await withPool(general: "") { pool async throws in
            try pool.keep([keptMachine(dump: pool.dump())])
            try pool.catalogue.markForArchive(PoolBench.run)
            let operating = pool.operating
            let code = command == "archive" ? await operating.archive() : await operating.recover()
            #expect(code == .needsRecovery)
            #expect(pool.log.text.contains("cold_storage is not set"))
        }
    }
}
