import HostFixtures
import Hypervisor
import SnapshotManagers
import Support
import TestSupport
import Testing

@testable import Engine
@testable import Operator
@testable import RunState

@Suite("prune-snapshot", .serialized)
struct PruneHookTests {
    @Test("is called by sanoid with its variables")
    func sanoid() async throws {
        try await withPool { pool async throws in
            let path = try pool.archived()
            let code = await pool.bench.run(
                .prune, [],
                environment: [
                    "SANOID_SCRIPT": "prune", "SANOID_TARGET": "tank/VM", "SANOID_SNAPNAME": "daily",
                ])
            #expect(code == .done)
            #expect(!fileExists(path))
        }
    }

    @Test("calls no zfs for a snapshot that it does not know", arguments: [true, false])
    func unknown(hasPoints: Bool) async throws {
        try await withPool { pool async throws in
            if hasPoints { try pool.archived() }
            #expect(await pool.bench.run(.prune, ["tank/VM@autosnap"]) == .done)
            #expect(try pool.pool.calls().isEmpty)
        }
    }

    @Test(
        "does not wait for a dump that is on its way: what it would delete is deleted after that",
        arguments: [true, false])
    func busy(byArchive: Bool) async throws {
        try await withPool { pool async throws in
            let path = try pool.archived()
            do {
                let lock = try pool.catalogue.lockForArchive()
                defer { withExtendedLifetime(lock) {} }
                #expect(await pool.bench.run(.prune, ["tank/VM@daily"]) == .done)
                #expect(fileExists(path) && pool.catalogue.isPruningDeferred)
                #expect(pool.log.text.has("deleted after that"))
            }
            if byArchive {
                #expect(await pool.operating.archive() == .done)
            } else {
                // Another one, which has the catalogue for itself.
                try pool.keep([keptMachine("db", .quiesced)], in: ["tank/VM@other"], run: "20261121T120000Z-1f3c9b")
                #expect(await pool.bench.run(.prune, ["tank/VM@other"]) == .done)
            }
            #expect(!fileExists(path) && !pool.catalogue.isPruningDeferred)
        }
    }

    @Test("touches nothing in a dry run")
    func dryRun() async throws {
        try await withPool { pool async throws in
            let path = try pool.archived()
            #expect(await pool.bench.run(.prune, ["--dry-run", "tank/VM@daily"]) == .done)
            #expect(fileExists(path) && pool.catalogue.contains(PoolBench.run))
        }
    }
}
