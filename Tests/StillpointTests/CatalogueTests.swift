import Glibc
import Hypervisor
import RAMArchive
import TestSupport
import Testing

@testable import Stillpoint
@testable import Storage

@Suite("The catalogue")
struct CatalogueTests {
    private func full(_ run: String = PoolBench.run) throws -> RestorePoint {
        let packed = PackedDump(plainBytes: 9, storedBytes: 5, sha256: "ab", compression: .zstd)
        var machine = try keptMachine(
            "a\n\"b\"/ö", on: ["tank/VM", "tank/my VMs"],
            dump: KeptDump(path: "/cold/x.ram", bytes: 9, packed: packed, problem: "full", source: "/ram/x"))
        machine.frozenMilliseconds = 40
        machine.pausedMilliseconds = 12
        machine.notes = ["one", ""]
        return RestorePoint(
            run: run, manager: "sanoid",
            snapshots: [
                KeptSnapshot(name: try SnapshotName("tank/VM@a b"), guid: "18446744073709551615"),
                KeptSnapshot(name: try SnapshotName("tank/my VMs@a b")),
            ], machines: [machine, try keptMachine("off", .off)])
    }

    @Test("gives back what was written, and only to its owner")
    func roundTrip() async throws {
        try await withPool { pool async throws in
            try pool.bench.directory.prepare()
            let point = try full()
            #expect(!pool.catalogue.contains(PoolBench.run))
            try pool.catalogue.write(point)
            #expect(pool.catalogue.contains(PoolBench.run))
            #expect(try pool.catalogue.read(PoolBench.run) == point)
            #expect(try pool.scratch.mode("state/restore-points") == 0o700)
            #expect(try pool.scratch.mode("state/restore-points/\(PoolBench.run).json") == 0o600)
            #expect(try pool.scratch.names(in: "state/restore-points") == ["\(PoolBench.run).json"])
        }
    }

    @Test("tells all that can be read, oldest first, and what is wrong with the rest")
    func mixed() async throws {
        try await withPool { pool async throws in
            try pool.bench.directory.prepare()
            for run in ["3", "1", "2"] { try pool.catalogue.write(full(run)) }
            let folder = "state/restore-points"
            try pool.scratch.write("\(folder)/4.json", #"{"format": 2, "what": "is new"}"#)
            try pool.scratch.write("\(folder)/5.json", #"{"format": 1, "run": "5"#)
            try pool.scratch.write("\(folder)/6.json", "")
            try pool.scratch.write("\(folder)/7.json.tmp", "half")
            try pool.scratch.write("\(folder)/8/web/machine.json", "{}")
            try pool.scratch.write("\(folder)/1.archive", "")
            let (points, problems) = pool.catalogue.all()
            #expect(points.map(\.run) == ["1", "2", "3"])
            #expect(problems.map(\.code) == [.newerFormat, .damaged, .damaged])
            #expect(problems.first?.description.contains("format 2, this Stillpoint knows 1") == true)
            #expect(try text(pool.scratch, "\(folder)/5.json") == #"{"format": 1, "run": "5"#)
        }
    }

    @Test("is empty where there is none")
    func nothing() {
        let catalogue = Catalogue(StateDirectory("/nowhere"))
        #expect(catalogue.all().points.isEmpty && catalogue.all().problems.isEmpty)
        #expect(catalogue.runsToArchive().isEmpty)
    }

    @Test("remembers which runs have a dump to be moved")
    func marks() async throws {
        try await withPool { pool async throws in
            try pool.bench.directory.prepare()
            for run in ["2", "1", "2"] { try pool.catalogue.markForArchive(run) }
            #expect(pool.catalogue.runsToArchive() == ["1", "2"])
            for _ in 1...2 { try pool.catalogue.unmarkForArchive("1") }
            #expect(pool.catalogue.runsToArchive() == ["2"])
        }
    }

    @Test("forgets a run with its mark and with what it kept of its VMs, and no other")
    func remove() async throws {
        try await withPool { pool async throws in
            try pool.bench.directory.prepare()
            for run in ["1", "2"] {
                try pool.catalogue.write(full(run))
                try pool.catalogue.markForArchive(run)
                try pool.scratch.write("state/restore-points/\(run)/web/files/nvram", "")
            }
            for _ in 1...2 { try pool.catalogue.remove("1") }
            #expect(try pool.scratch.names(in: "state/restore-points") == ["2", "2.archive", "2.json"])
        }
    }
}

@Suite("What is known of past runs")
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
            pool.scratch.remove("state")
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
            ("tank/other@daily", "9", nil, nil), ("backup/VM@daily", "9", PoolBench.run, "tank/VM@daily"),
            ("backup/old@daily", "9", PoolBench.run, "tank/old@daily"), ("backup/x@daily", "9", PoolBench.run, nil),
            ("backup/x@weekly", "9", PoolBench.run, "tank/VM@weekly"), ("backup/old@daily", "9", "unknown", nil),
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
                    snapshots: try snapshots.map { KeptSnapshot(name: try SnapshotName($0.0), guid: $0.1) },
                    machines: []))
            let listed = ListedSnapshot(
                name: try SnapshotName(name), guid: guid,
                properties: run.map { [SnapshotProperties.runKey: $0] } ?? [:])
            #expect(pool.points.point(of: listed)?.kept.name.rawValue == expected)
        }
    }
}
