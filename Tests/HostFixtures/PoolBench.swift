package import Hypervisor
package import Operator
package import RAMArchive
package import RunState
import Support
package import TestSupport
import ZFS

/// A hook bench whose zfs has snapshots and clones, with `ram_dir` and `cold_storage` in the scratch folder.
package struct PoolBench: Sendable {
    package static let run: RunID = "20261121T110000Z-1f3c9a"

    package let bench: HookBench
    package let host: HostFixture
    package let pool: FakePool

    package var scratch: ScratchFolder { bench.scratch }
    package var world: FakeWorld { bench.world }
    package var log: LogRecorder { bench.log }
    package var operating: Operator { bench.operating }
    package var cold: String { scratch.path + "/cold" }
    package var catalogue: Catalogue { Catalogue(bench.directory) }
    package var points: RestorePoints { RestorePoints(catalogue, coldStorage: cold) }

    package func has(_ path: String) -> Bool { fileExists("\(scratch.path)/\(path)") }

    /// Puts a dump into `ram_dir` and tells of it.
    package func dump(_ name: String = "web01", _ text: String = String(repeating: "RAM ", count: 5000)) throws
        -> StoredDump
    {
        let path = try scratch.write("ram/\(name).ram", text, mode: 0o600)
        return StoredDump(path: path, bytes: UInt64(text.utf8.count))
    }

    /// Writes a restore point of VMs into the catalogue; each snapshot has its GUID where the pool has it.
    @discardableResult
    package func keep(
        _ machines: [RestorePointVM], in snapshots: [String] = ["tank/VM@daily"], run: RunID = PoolBench.run,
        hasGUIDs: Bool = true
    ) throws -> RestorePoint {
        try bench.directory.prepare()
        let point = RestorePoint(
            run: run, manager: "sanoid",
            snapshots: try snapshots.map {
                RestorePointSnapshot(name: try SnapshotName($0), guid: hasGUIDs ? FakePool.guid(of: $0) : nil)
            }, machines: machines)
        try catalogue.write(point)
        return point
    }

    package func archiver(
        compression: Compression = .zstd, coldStorage: String?? = .none
    ) -> Archiver {
        Archiver(
            catalogue: catalogue, coldStorage: coldStorage ?? cold, compression: compression, log: log.logger,
            progress: nil)
    }

    /// A dump of web01 on tank/VM that has been moved to cold storage.
    @discardableResult
    package func archived(
        _ machine: RestorePointVM? = nil, in snapshots: [String] = ["tank/VM@daily"], run: RunID = PoolBench.run
    ) throws -> String {
        try keep([machine ?? keptMachine("web01", dump: dump("web01-\(run)"))], in: snapshots, run: run)
        try catalogue.markForArchive(run)
        try required(try archiver().run())
        return try required(catalogue.read(run).machines.first?.dump?.path)
    }
}

package func keptMachine(
    _ name: String = "web01", on datasets: [String] = ["tank/VM"], _ consistency: Consistency = .memory,
    dump: StoredDump? = nil
) throws -> RestorePointVM {
    RestorePointVM(
        hypervisor: "local", id: "id-of-\(name)", name: name, datasets: try datasets.map { try DatasetName($0) },
        consistency: consistency, dump: dump)
}

/// - Parameter general: further lines for `[stillpoint]`.
package func withPool(
    general: String = "cold_storage = SCRATCH/cold", sections: String = "", _ body: (PoolBench) async throws -> Void
) async throws {
    try await withBench(general: general, sections: sections) { bench, host async throws in
        let pool = try FakePool(host.scratch)
        for folder in ["ram", "cold"] { try host.scratch.folder(folder) }
        try await body(PoolBench(bench: bench, host: host, pool: pool))
    }
}

/// The text of a file in the scratch folder.
package func text(_ scratch: ScratchFolder, _ name: String) throws -> String {
    String(decoding: try readFile("\(scratch.path)/\(name)"), as: UTF8.self)
}
