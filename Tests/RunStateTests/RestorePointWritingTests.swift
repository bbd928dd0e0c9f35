import Glibc
import HostFixtures
import Hypervisor
import SnapshotManagers
import Support
import TestSupport
import Testing
import ZFS

@testable import Engine
@testable import Operator
@testable import RunState

@Suite("The restore point that post-snapshot leaves", .serialized)
struct RestorePointWritingTests {
    private func freeze(_ pool: PoolBench) async throws -> Run {
        pool.bench.has(pool.machine())
        pool.dumps()
        #expect(await pool.bench.run(.pre) == .done)
        return try #require(try pool.bench.openRuns().first)
    }

    @Test("is marked for cold storage only where there is one to be", arguments: [true, false])
    func mark(hasColdStorage: Bool) async throws {
        let cold = hasColdStorage ? "\ncold_storage = SCRATCH/cold" : ""
        try await withPool(general: "strategy = memory" + cold) { pool async throws in
            let run = try await freeze(pool)
            try pool.pool.add("tank/VM@daily")
            #expect(await pool.bench.run(.post) == .done)
            #expect(pool.catalogue.contains(run.id))
            #expect(pool.catalogue.runsToArchive() == (hasColdStorage ? [run.id] : []))
        }
    }

    @Test("of a recursive snapshot knows the parent too, which holds no VM, and names the one that does")
    func parent() async throws {
        try await withPool { pool async throws in
            for name in ["tank@daily", "tank/VM@daily", "tank/VM/db@daily"] { try pool.pool.add(name) }
            pool.bench.has(pool.host.web())
            #expect(await pool.bench.run(.pre, ["-r", "tank@daily"]) == .done)
            #expect(await pool.bench.run(.post, ["-r", "tank@daily"]) == .done)
            let point = try #require(pool.catalogue.all().points.first)
            #expect(point.snapshots.map(\.name.rawValue) == ["tank@daily", "tank/VM@daily"])
            #expect(await pool.restore("tank@daily", to: .clone("web02")) == .usage)
            #expect(
                pool.log.text.contains("no disk of web01 is in tank@daily; name a snapshot that has one: tank/VM@daily")
            )
            #expect(try pool.pool.calls("clone").isEmpty)
        }
    }

    @Test("can be read again, whatever the strategy was", arguments: ["quiesce", "pause", "shutdown", "freeze"])
    func strategies(strategy: String) async throws {
        try await withPool(general: "strategy = \(strategy)") { pool async throws in
            try pool.pool.add("tank/VM@daily")
            let run = try await freeze(pool)
            #expect(await pool.bench.run(.post) == .done)
            #expect(try pool.catalogue.read(run.id).machines.count == 1)
        }
    }

    @Test("is not there without a snapshot, and neither is the RAM", arguments: [true, false])
    func noSnapshot(hasDump: Bool) async throws {
        try await withPool(general: "strategy = \(hasDump ? "memory" : "quiesce")") { pool async throws in
            let run = try await freeze(pool)
            #expect(await pool.bench.run(.post) == .failed)
            #expect(!pool.catalogue.contains(run.id))
            if hasDump { #expect(try pool.scratch.names(in: "ram").isEmpty) }
        }
    }

    @Test("knows its snapshots by name where zfs tells no GUID", arguments: ["memory", "quiesce"])
    func noGUID(strategy: String) async throws {
        try await withPool(general: "strategy = \(strategy)") { pool async throws in
            try pool.pool.add("tank/VM@daily")
            let run = try await freeze(pool)
            try pool.pool.fail("^get")
            #expect(await pool.bench.run(.post) == .done)
            #expect(try pool.catalogue.read(run.id).snapshots.map(\.name.rawValue) == ["tank/VM@daily"])
            #expect(try pool.catalogue.read(run.id).snapshots.map(\.guid) == [nil])
            #expect(pool.log.text.contains("by their names alone"))
        }
    }

    @Test(
        "keeps the run open when it cannot be written, and no later run forgets it",
        arguments: [true, false], [true, false])
    func notWritten(isFolderInTheWay: Bool, isRecovered: Bool) async throws {
        try await withPool(general: "strategy = memory") { pool async throws in
            try pool.pool.add("tank/VM@daily")
            let run = try await freeze(pool)
            let obstacle = "state/restore-points" + (isFolderInTheWay ? "/\(run.id).json" : "")
            pool.scratch.remove(obstacle)
            if isFolderInTheWay {
                try pool.scratch.folder(obstacle + "/inside")
            } else {
                try pool.scratch.write(obstacle, "")
            }
            #expect(await pool.bench.run(.post) == .needsRecovery)
            #expect(try pool.bench.openRuns().map(\.id) == [run.id])
            #expect(try pool.bench.openRuns().first?.machines.first?.freezeState == nil)
            #expect(pool.world.count("release") == 1)
            pool.scratch.remove(obstacle)

            // The next snapshot of the same dataset comes before anyone has looked.
            try pool.pool.add("tank/VM@hourly")
            #expect(await pool.bench.run(.pre, ["tank/VM@hourly"]) == .done)
            #expect(await pool.bench.run(.post, ["tank/VM@hourly"]) == .done)
            #expect(try pool.bench.openRuns().map(\.id) == [run.id])
            let code = isRecovered ? await pool.operating.recover() : await pool.bench.run(.post)
            #expect(code == .done)
            #expect(try pool.bench.openRuns().isEmpty)
            let dump = try #require(pool.catalogue.read(run.id).machines.first?.dump)
            #expect(fileExists(dump.path))
        }
    }

    @Test("is whole again after a post that was killed before it closed the run, also when its RAM was moved since")
    func secondPost() async throws {
        try await withPool(general: "strategy = memory\ncold_storage = SCRATCH/cold") { pool async throws in
            try pool.pool.add("tank/VM@daily")
            let run = try await freeze(pool)
            #expect(await pool.bench.run(.post) == .done)
            try pool.bench.directory.write(run)
            #expect(await pool.operating.archive() == .done)
            let archived = try pool.catalogue.read(run.id)
            #expect(archived.machines.first?.dump?.packed != nil)
            #expect(await pool.bench.run(.post) == .done)
            #expect(try pool.catalogue.read(run.id) == archived)
            #expect(pool.catalogue.runsToArchive().isEmpty)
            #expect(try pool.bench.openRuns().isEmpty)
        }
    }
}
