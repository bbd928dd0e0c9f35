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

@Suite("Pruning RAM dumps", .serialized)
struct PrunerTests {
    private let hourly = "tank/VM@hourly"
    private let daily = "tank/VM@daily"

    @Test("deletes a dump with the last of the snapshots that share it, whichever that is", arguments: [true, false])
    func shared(dailyFirst: Bool) async throws {
        try await withPool { pool async throws in
            for name in [daily, hourly] { try pool.pool.add(name) }
            let path = try pool.archived(in: [daily, hourly])
            let order = dailyFirst ? [daily, hourly] : [hourly, daily]
            try pool.pool.remove(order[0])
            #expect(await pool.bench.run(.prune, [order[0]]) == .done)
            #expect(fileExists(path))
            try pool.pool.remove(order[1])
            #expect(await pool.bench.run(.prune, [order[1]]) == .done)
            #expect(try pool.scratch.names(in: "cold/tank/VM/web01").isEmpty)
            #expect(!pool.catalogue.contains(PoolBench.run))
            #expect(pool.log.text.contains("info: deleted \(path)"))
        }
    }

    enum Place: String, CaseIterable { case renamed = "tank/VM@kept", received = "backup/copy@daily" }

    @Test("keeps a dump whose snapshot has another name now", arguments: Place.allCases)
    func moved(place: Place) async throws {
        try await withPool { pool async throws in
            let path = try pool.archived()
            if place == .received { for name in ["backup", "backup/copy"] { try pool.pool.add(name) } }
            try pool.pool.add(place.rawValue, guid: FakePool.guid(of: daily))
            #expect(await pool.bench.run(.prune, [daily]) == .done)
            #expect(await pool.operating.prune([], orphans: true, dryRun: false) == .done)
            #expect(fileExists(path))
            try pool.pool.remove(place.rawValue)
            #expect(await pool.operating.prune([], orphans: true, dryRun: false) == .done)
            #expect(!fileExists(path))
        }
    }

    @Test("deletes a dump whose snapshot's name another snapshot has now")
    func recreated() async throws {
        try await withPool { pool async throws in
            let path = try pool.archived()
            try pool.pool.add(daily, guid: "12345")
            #expect(await pool.bench.run(.prune, [daily]) == .done)
            #expect(!fileExists(path))
        }
    }

    @Test("decides by the name where no GUID is known", arguments: [true, false])
    func byName(isThere: Bool) async throws {
        try await withPool { pool async throws in
            let dump = try pool.dump()
            try pool.keep([keptMachine(dump: dump)], hasGUIDs: false)
            if isThere { try pool.pool.add(daily) }
            #expect(await pool.operating.prune([daily], orphans: false, dryRun: false) == .done)
            #expect(fileExists(dump.path) == isThere)
            #expect(pool.catalogue.contains(PoolBench.run) == isThere)
        }
    }

    @Test("keeps what belongs to a pool that is not imported, and says so", arguments: [true, false])
    func exported(hasGUIDs: Bool) async throws {
        try await withPool { pool async throws in
            let dump = try pool.dump()
            try pool.keep([keptMachine(on: ["away/VM"], dump: dump)], in: ["away/VM@daily"], hasGUIDs: hasGUIDs)
            #expect(await pool.operating.prune([], orphans: true, dryRun: false) == .done)
            #expect(fileExists(dump.path))
            #expect(pool.log.text.contains("kept, since the pool of away/VM@daily is not imported"))
        }
    }

    @Test("keeps a dump while one of the snapshots of its VM's two datasets is there")
    func twoDatasets() async throws {
        try await withPool { pool async throws in
            let (one, two) = (daily, "tank/VM/db@daily")
            for name in [one, two] { try pool.pool.add(name) }
            let path = try pool.archived(
                keptMachine(on: ["tank/VM", "tank/VM/db"], dump: pool.dump()), in: [one, two])
            try pool.pool.remove(one)
            #expect(await pool.bench.run(.prune, [one]) == .done)
            #expect(fileExists(path))
            try pool.pool.remove(two)
            #expect(await pool.bench.run(.prune, [two]) == .done)
            #expect(!fileExists(path))
        }
    }

    @Test("keeps one VM's dump of a run and deletes another's")
    func perMachine() async throws {
        try await withPool { pool async throws in
            let (one, two) = (try pool.dump("one"), try pool.dump("two"))
            try pool.keep(
                [keptMachine("one", dump: one), keptMachine("two", on: ["tank/VM/db"], dump: two)],
                in: [daily, "tank/VM/db@daily"])
            try pool.pool.add("tank/VM/db@daily")
            #expect(await pool.bench.run(.prune, [daily]) == .done)
            #expect(!fileExists(one.path) && fileExists(two.path))
            #expect(try pool.catalogue.read(PoolBench.run).machines.map(\.name) == ["two"])
        }
    }

    @Test("heeds the children's snapshots when a recursive parent's is pruned", arguments: [true, false])
    func recursive(childIsThere: Bool) async throws {
        try await withPool { pool async throws in
            let dump = try pool.dump()
            try pool.keep([keptMachine(dump: dump)], in: ["tank@daily", daily])
            if childIsThere { try pool.pool.add(daily) }
            #expect(await pool.bench.run(.prune, ["tank@daily"]) == .done)
            #expect(fileExists(dump.path) == childIsThere)
        }
    }

    @Test("finds what was destroyed without a call of the hook, and in a dry run only tells of it")
    func orphans() async throws {
        try await withPool { pool async throws in
            let path = try pool.archived()
            let before = try pool.pool.calls().count
            #expect(await pool.operating.prune([], orphans: true, dryRun: true) == .done)
            #expect(
                fileExists(path) && fileExists(ArchiveManifest.path(of: path)) && pool.catalogue.contains(PoolBench.run)
            )
            #expect(pool.log.text.contains("info: would delete \(path)"))
            #expect(try pool.pool.calls().dropFirst(before).allSatisfy { $0.hasPrefix("get") || $0.hasPrefix("list") })
            #expect(await pool.operating.prune([], orphans: true, dryRun: false) == .done)
            #expect(!fileExists(path) && !fileExists(ArchiveManifest.path(of: path)))
        }
    }

    @Test("works from the side-cars alone, on a host that never had a catalogue")
    func withoutCatalogue() async throws {
        try await withPool { pool async throws in
            let path = try pool.archived()
            pool.scratch.remove("state")
            #expect(await pool.operating.prune([], orphans: true, dryRun: true) == .done)
            #expect(!pool.has("state") && fileExists(path))
            #expect(await pool.operating.prune([], orphans: true, dryRun: false) == .done)
            #expect(!fileExists(path))
        }
    }
}
