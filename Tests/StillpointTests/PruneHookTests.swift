import SnapshotManagers
import TestSupport
import Testing

@testable import Stillpoint

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

    @Test("touches nothing in a dry run")
    func dryRun() async throws {
        try await withPool { pool async throws in
            let path = try pool.archived()
            #expect(await pool.bench.run(.prune, ["--dry-run", "tank/VM@daily"]) == .done)
            #expect(fileExists(path) && pool.catalogue.contains(PoolBench.run))
        }
    }
}
