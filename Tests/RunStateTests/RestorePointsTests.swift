import Glibc
import HostFixtures
import Hypervisor
import RAMArchive
import TestSupport
import Testing

@testable import Operator
@testable import RunState
@testable import ZFS

@Suite("What is known of past runs", .serialized)
struct RestorePointsTests {
    @Test("is the same when the catalogue is lost")
    func lost() async throws {
        try await withPool { pool async throws in
            try pool.pool.add("tank/VM@daily")
            try pool.pool.add("tank/VM/db@daily")
            try pool.keep(
                [
                    keptMachine(dump: pool.dump("web01")),
                    keptMachine("db", on: ["tank/VM/db"], dump: pool.dump("db", "RAM")),
                ], in: ["tank/VM@daily", "tank/VM/db@daily"])
            try pool.catalogue.markForArchive(PoolBench.run)
            #expect(try pool.archiver().run())
            let before = try await Listing(points: pool.points, zfs: pool.pool.command).machines(on: nil)
            pool.scratch.remove("state/restore-points")
            let after = try await Listing(points: pool.points, zfs: pool.pool.command).machines(on: nil)
            #expect(before.map(\.ram) == after.map(\.ram))
            #expect(before.map(\.snapshot) == after.map(\.snapshot))
            #expect(before.count == 2)
            #expect(pool.points.points.count == 1)
        }
    }

    @Test("is the catalogue's to tell while a dump is on its way")
    func onItsWay() async throws {
        try await withPool { pool async throws in
            try pool.archived()
            let dump = try pool.dump()
            try pool.keep([keptMachine(dump: dump), keptMachine("off", .off)])
            let point = try #require(pool.points.points.first)
            #expect(point.machines.map(\.name) == ["web01", "off"])
            #expect(point.machines.first?.dump == dump)
        }
    }

    @Test("is cold storage's to tell when the whole of it was moved")
    func coldStorageMoved() async throws {
        try await withPool { pool async throws in
            try pool.archived()
            try pool.scratch.folder("elsewhere")
            for name in ["tank"] {
                try #require(rename("\(pool.cold)/\(name)", "\(pool.scratch.path)/elsewhere/\(name)") == 0)
            }
            let points = RestorePoints(pool.catalogue, coldStorage: pool.scratch.path + "/elsewhere").points
            let dump = try #require(points.first?.machines.first?.dump)
            #expect(dump.path == "\(pool.scratch.path)/elsewhere/tank/VM/web01/\(PoolBench.run).ram")
        }
    }

    @Test(
        "is found for a snapshot by GUID, by name or by its run",
        arguments: [
            ("tank/VM@daily", "1", nil, "tank/VM@daily"), ("backup/x@other", "1", nil, "tank/VM@daily"),
            ("tank/VM@daily", "9", nil, nil), ("tank/old@daily", "9", nil, "tank/old@daily"),
            ("tank/other@daily", "9", nil, nil), ("backup/VM@daily", "9", PoolBench.run.text, "tank/VM@daily"),
            ("backup/old@daily", "9", PoolBench.run.text, "tank/old@daily"),
            ("backup/x@daily", "9", PoolBench.run.text, nil),
            ("backup/x@weekly", "9", PoolBench.run.text, "tank/VM@weekly"), ("backup/old@daily", "9", "unknown", nil),
        ] as [(String, String, String?, String?)])
    func found(name: String, guid: String, run: String?, expected: String?) async throws {
        try await withPool { pool async throws in
            try pool.bench.directory.prepare()
            let snapshots: [(String, String?)] = [
                ("tank/VM@daily", "1"), ("tank/old@daily", nil), ("tank/VM@weekly", "3"),
            ]
            try pool.catalogue.write(
                RestorePoint(
                    run: PoolBench.run, manager: "",
                    snapshots: try snapshots.map { RestorePointSnapshot(name: try SnapshotName($0.0), guid: $0.1) },
                    machines: []))
            let listed = ListedSnapshot(
                name: try SnapshotName(name), guid: guid,
                properties: run.map { [SnapshotProperties.runKey: $0] } ?? [:])
            #expect(pool.points.point(of: listed)?.kept.name.rawValue == expected)
        }
    }
}
