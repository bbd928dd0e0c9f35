import Glibc
import HostFixtures
import Hypervisor
import SnapshotManagers
import TestSupport
import Testing
import ZFS

@testable import Engine
@testable import RunState
@testable import Support

@Suite("Freezing with strategy = memory", .serialized)
struct MemoryFreezeTests {
    private let memory = "strategy = memory, quiesce\ncold_storage = SCRATCH/cold"

    @Test("ends in a restore point with RAM, and says so in the report and on the snapshot")
    func wholeCycle() async throws {
        try await withPool(general: memory) { pool async throws in
            pool.bench.has(pool.machine())
            pool.dumps()
            try pool.pool.add("tank/VM@daily")
            #expect(await pool.bench.run(.pre) == .done)
            #expect(pool.world.calls == ["list", "freeze web01"])
            let record = try pool.bench.onlyRecord()
            #expect(record.strategy == .memory && record.consistency == .memory)
            #expect(record.pausedMilliseconds == 12)
            #expect(await pool.bench.run(.post) == .done)
            #expect(
                pool.log.lines.contains(
                    "info: web01: disks and RAM of one instant, 0 MiB of RAM, paused for 12 ms"), "\(pool.log.text)")
            let listed = try await pool.pool.command.snapshots(of: nil, properties: SnapshotProperties.listedKeys)
            #expect(listed.first?.properties[SnapshotProperties.machinesKey] == "web01=memory")
            let point = try #require(pool.catalogue.all().points.first)
            #expect(point.machines.first?.dump?.path == record.ramDump?.path)
            #expect(point.machines.first?.pausedMilliseconds == 12)
            #expect(point.machines.first?.frozenMilliseconds == nil)
            #expect(point.snapshots.first?.guid == FakePool.guid(of: "tank/VM@daily"))
            #expect(pool.catalogue.runsToArchive() == [point.run])
            #expect(try pool.bench.openRuns().isEmpty)
        }
    }

    @Test("falls to the next strategy where ram_dir lacks room, and says why")
    func tooLittleRoom() async throws {
        try await withPool(general: memory) { pool async throws in
            pool.bench.has(pool.machine(memory: 1 << 60))
            pool.dumps()
            #expect(await pool.bench.run(.pre) == .done)
            let record = try pool.bench.onlyRecord()
            #expect(record.strategy == .quiesce && record.consistency == .quiesced && record.ramDump == nil)
            #expect(record.fallbacks.map(\.strategy) == [.memory])
            #expect(record.fallbacks.first?.reason.contains("and \((UInt64(1) << 40) + 32) MiB are needed") == true)
            #expect(pool.world.count("freeze") == 1)
        }
    }

    @Test("is not begun without a ram_dir, or with one that is snapshotted along", arguments: [true, false])
    func ramDirectory(isOnDataset: Bool) async throws {
        let place = isOnDataset ? "tank/VM/ram" : "nowhere"
        try await withPool(general: "strategy = memory\nram_dir = SCRATCH/\(place)") { pool async throws in
            if isOnDataset { try pool.scratch.folder(place) }
            pool.bench.has(pool.machine())
            #expect(await pool.bench.run(.pre) == .usage)
            #expect(pool.world.calls == ["list"])
            #expect(!pool.has("tank/VM/.stillpoint"))
            #expect(try pool.bench.openRuns().isEmpty)
            #expect(pool.log.text.contains("ram_dir \(pool.scratch.path)/\(place)"), "\(pool.log.text)")
        }
    }

    @Test("needs no ram_dir where no running VM is concerned")
    func idle() async throws {
        try await withPool(general: "strategy = memory\nram_dir = SCRATCH/nowhere") { pool async throws in
            pool.bench.has(pool.host.web(power: .off))
            #expect(await pool.bench.run(.pre) == .done)
            #expect(try pool.bench.onlyRecord().consistency == .off)
        }
    }

    @Test("leaves no dump when on_failure = abort undoes the run")
    func abort() async throws {
        try await withPool(general: "strategy = memory\non_failure = abort") { pool async throws in
            pool.bench.has(pool.machine(), pool.machine("web02", memory: 1 << 60))
            pool.dumps()
            #expect(await pool.bench.run(.pre) == .failed)
            #expect(pool.world.count("freeze web01") == 1 && pool.world.count("release") == 1)
            #expect(try pool.scratch.names(in: "ram").isEmpty)
            #expect(try pool.bench.openRuns().isEmpty)
            #expect(pool.catalogue.all().points.isEmpty)
        }
    }
}
