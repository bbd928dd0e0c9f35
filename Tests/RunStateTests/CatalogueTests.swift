import Glibc
import HostFixtures
import Hypervisor
import RAMArchive
import TestSupport
import Testing
import ZFS

@testable import RunState

@Suite("The catalogue", .serialized)
struct CatalogueTests {
    private func full(_ run: RunID = PoolBench.run) throws -> RestorePoint {
        let packed = PackedDump(plainBytes: 9, storedBytes: 5, sha256: "ab", compression: .zstd)
        var machine = try keptMachine(
            "a\n\"b\"/ö", on: ["tank/VM", "tank/my VMs"],
            dump: StoredDump(path: "/cold/x.ram", bytes: 9, packed: packed, problem: "full", source: "/ram/x"))
        machine.frozenMilliseconds = 40
        machine.pausedMilliseconds = 12
        machine.notes = ["one", ""]
        return RestorePoint(
            run: run, manager: "sanoid",
            snapshots: [
                RestorePointSnapshot(name: try SnapshotName("tank/VM@a b"), guid: "18446744073709551615"),
                RestorePointSnapshot(name: try SnapshotName("tank/my VMs@a b")),
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
            for run in ["3", "1", "2"] as [RunID] { try pool.catalogue.write(full(run)) }
            let folder = "state/restore-points"
            try pool.scratch.write("\(folder)/\("4" as RunID).json", #"{"format": 3, "what": "is new"}"#)
            try pool.scratch.write("\(folder)/\("5" as RunID).json", #"{"format": 1, "run": "5"#)
            try pool.scratch.write("\(folder)/\("6" as RunID).json", "")
            try pool.scratch.write("\(folder)/\("7" as RunID).json.tmp", "half")
            try pool.scratch.write("\(folder)/\("8" as RunID)/web/machine.json", "{}")
            try pool.scratch.write("\(folder)/\("1" as RunID).archive", "")
            let (points, problems) = pool.catalogue.all()
            #expect(points.map(\.run) == ["1", "2", "3"])
            #expect(problems.map(\.code) == [.newerFormat, .damaged, .damaged])
            #expect(problems.first?.description.contains("format 3, this Stillpoint knows 2") == true)
            #expect(try text(pool.scratch, "\(folder)/\("5" as RunID).json") == #"{"format": 1, "run": "5"#)
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
            for run in ["2", "1", "2"] as [RunID] { try pool.catalogue.markForArchive(run) }
            #expect(pool.catalogue.runsToArchive() == ["1", "2"])
            for _ in 1...2 { try pool.catalogue.unmarkForArchive("1") }
            #expect(pool.catalogue.runsToArchive() == ["2"])
        }
    }

    @Test("forgets a run with its mark and with what it kept of its VMs, and no other")
    func remove() async throws {
        try await withPool { pool async throws in
            try pool.bench.directory.prepare()
            for run in ["1", "2"] as [RunID] {
                try pool.catalogue.write(full(run))
                try pool.catalogue.markForArchive(run)
                try pool.scratch.write("state/restore-points/\(run)/web/files/nvram", "")
            }
            for _ in 1...2 { try pool.catalogue.remove("1") }
            let left = RunID(stringLiteral: "2")
            #expect(
                try pool.scratch.names(in: "state/restore-points") == ["\(left)", "\(left).archive", "\(left).json"])
        }
    }
}
