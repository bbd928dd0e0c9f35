import Glibc
import HostFixtures
import Hypervisor
import RAMArchive
import SnapshotManagers
import Support
import TestSupport
import Testing

@testable import Engine
@testable import Operator
@testable import RunState

@Suite("An archive that was killed", .serialized)
struct ArchiverCrashTests {
    /// The last thing that was done before the kill.
    enum Step: CaseIterable { case mark, part, sideCar, renamed, catalogue, removed, unmarked }

    @Test("is completed by the next run", arguments: Step.allCases, Compression.allCases)
    func completed(step: Step, compression: Compression) async throws {
        try await withPool { pool async throws in
            let dump = try pool.dump()
            let bytes = try readFile(dump.path)
            try leave(step, compression, dump, pool)
            #expect(try pool.archiver(compression: compression).run())
            let kept = try #require(pool.catalogue.read(PoolBench.run).machines.first?.dump)
            #expect(kept.source == nil && kept.problem == nil)
            try unpack(kept.path, expecting: #require(kept.packed), to: pool.scratch.path + "/again", progress: nil)
            #expect(try readFile(pool.scratch.path + "/again") == bytes)
            #expect(!fileExists(dump.path))
            #expect(pool.catalogue.runsToArchive().isEmpty)
            #expect(try pool.scratch.names(in: "cold/tank/VM/web01").count == 2)
            let fromSideCars = RestorePoints(Catalogue(StateDirectory("/nowhere")), coldStorage: pool.cold)
            #expect(fromSideCars.problems.isEmpty)
            #expect(fromSideCars.points.first?.machines.first?.dump == kept)
        }
    }

    /// Builds what the disk holds after that step.
    private func leave(_ step: Step, _ compression: Compression, _ dump: StoredDump, _ pool: PoolBench) throws {
        var machine = try keptMachine(dump: dump)
        var point = try pool.keep([machine])
        if step != .unmarked { try pool.catalogue.markForArchive(PoolBench.run) }
        let path = ArchiveManifest.dumpPath(of: machine, in: point, coldStorage: pool.cold)
        let folder = "cold/tank/VM/web01"
        try pool.scratch.folder(folder)
        if step == .mark { return }
        if step == .part || step == .sideCar { try pool.scratch.write("\(folder)/\(PoolBench.run).ram.part", "RA") }
        if step == .part { return }
        let packed = try pack(
            dump.path, to: step == .sideCar ? pool.scratch.path + "/other" : path, compression: compression,
            beforeRename: { try ArchiveManifest.write(point, of: machine, packed: $0, dump: path, sealedBy: nil) },
            progress: nil)
        if step == .sideCar || step == .renamed { return }
        machine.dump = StoredDump(
            path: path, bytes: dump.bytes, packed: packed, source: step == .unmarked ? nil : dump.path)
        point.machines = [machine]
        try pool.catalogue.write(point)
        if step == .removed || step == .unmarked { unlink(dump.path) }
    }

    @Test("keeps a problem no longer than it lasts, though only the source was left to be removed")
    func problemOfSource() async throws {
        try await withPool { pool async throws in
            let path = try pool.archived()
            var point = try pool.catalogue.read(PoolBench.run)
            let source = try pool.dump().path
            point.machines[0].dump?.source = source
            point.machines[0].dump?.problem = "the disk was read-only"
            try pool.catalogue.write(point)
            try pool.catalogue.markForArchive(PoolBench.run)
            #expect(try pool.archiver().run())
            let dump = try #require(pool.catalogue.read(PoolBench.run).machines.first?.dump)
            #expect(dump.problem == nil && dump.source == nil && dump.path == path)
            #expect(!fileExists(source))
        }
    }

    @Test(
        "leaves nothing behind when its run is pruned before it continues",
        arguments: [Step.part, .sideCar, .renamed, .catalogue])
    func pruned(step: Step) async throws {
        try await withPool { pool async throws in
            let dump = try pool.dump()
            try leave(step, .zstd, dump, pool)
            #expect(await pool.bench.run(.prune, ["tank/VM@daily"]) == .done)
            #expect(!fileExists(dump.path))
            #expect(try pool.scratch.names(in: "cold/tank/VM/web01").isEmpty)
            #expect(!pool.catalogue.contains(PoolBench.run))
            #expect(pool.catalogue.runsToArchive().isEmpty)
        }
    }
}
