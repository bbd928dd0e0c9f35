import DiskLocation
import Glibc
import HostFixtures
import Hypervisor
import SnapshotManagers
import TestSupport
import Testing
import ZFS

@testable import Configuration
@testable import Engine
@testable import RunState
@testable import Support

@Suite("What is saved of a VM in the snapshot", .serialized)
struct DefinitionSaverTests {
    private let folder = "tank/VM/.stillpoint/id-of-web01"

    private func kept(_ pool: PoolBench, in folder: String? = nil) throws -> SavedDefinition {
        let path = "\(pool.scratch.path)/\(folder ?? self.folder)"
        return try SavedDefinition.read(in: Folder(path), at: path)
    }

    @Test("is its definition, its files and where its disks are, for its owner's eyes only")
    func content() async throws {
        try await withPool { pool async throws in
            pool.bench.has(pool.host.web())
            let nvram = try pool.scratch.write("nvram.fd", "variables")
            pool.world.change {
                $0.exportDefinition = { _ in
                    ExportedDefinition(
                        definition: "<domain>web01</domain>",
                        files: [SavedFile(name: "nvram", path: nvram), SavedFile(name: "tpm/state/a", path: nvram)])
                }
            }
            #expect(await pool.bench.run(.pre) == .done)
            #expect(
                try kept(pool)
                    == SavedDefinition(
                        hypervisor: "local", id: "id-of-web01", name: "web01",
                        images: [try pool.image()], files: ["nvram", "tpm/state/a"]))
            #expect(try text(pool.scratch, "\(folder)/definition.xml") == "<domain>web01</domain>")
            for file in ["files/nvram", "files/tpm/state/a"] {
                #expect(try text(pool.scratch, "\(folder)/\(file)") == "variables")
                #expect(try pool.scratch.mode("\(folder)/\(file)") == 0o600)
            }
            for file in ["definition.xml", "machine.json"] {
                #expect(try pool.scratch.mode("\(folder)/\(file)") == 0o600)
            }
            for place in ["tank/VM/.stillpoint", folder, "\(folder)/files", "\(folder)/files/tpm"] {
                #expect(try pool.scratch.mode(place) == 0o700, "\(place)")
            }
        }
    }

    @Test(
        "says what of a volume a disk is, and of a stack which volumes are below it",
        arguments: [
            ("zd0", ["tank/v1"], .whole), ("zd0p2", ["tank/v1"], .partition(2)),
            ("dm-0", ["tank/v1", "tank/v2"], .stacked),
        ] as [(String, [String], VolumePart)])
    func devices(name: String, datasets: [String], part: VolumePart) async throws {
        try await withPool { pool async throws in
            for device in ["zd0", "zd0p2", "zd16", "dm-0"] { try pool.scratch.write("dev/\(device)", "") }
            try pool.scratch.link("dev/zvol/tank/v1", to: "../../zd0")
            try pool.scratch.link("dev/zvol/tank/v2", to: "../../zd16")
            for slave in ["zd0", "zd16"] { try pool.scratch.folder("sys/block/dm-0/slaves/\(slave)") }
            let path = "\(pool.scratch.path)/dev/\(name)"
            pool.bench.has(
                VirtualMachine(
                    id: "id-of-web01", name: "web01", power: .running,
                    disks: [Disk(target: "vda", chain: [path], format: "raw")]))
            #expect(await pool.bench.run(.pre, ["-r", "tank@daily"]) == .done)
            let run = try #require(try pool.bench.openRuns().first)
            let kept = try kept(pool, in: "state/restore-points/\(run.id)/id-of-web01")
            #expect(kept.images.map(\.dataset.rawValue) == datasets)
            #expect(kept.images.allSatisfy { $0.part == part && $0.path == path && $0.relativePath == nil })
        }
    }

    @Test("is there before the VM is frozen")
    func order() async throws {
        try await withPool { pool async throws in
            pool.bench.has(pool.host.web())
            let path = "\(pool.scratch.path)/\(folder)/machine.json"
            pool.world.change {
                $0.freeze = { _, _ in
                    guard fileExists(path) else { throw refusal(.fallBack, "too early") }
                    return FreezeResult(consistency: .quiesced)
                }
            }
            #expect(await pool.bench.run(.pre) == .done)
            #expect(try pool.bench.onlyRecord().consistency == .quiesced)
        }
    }

    @Test("takes the place of what an earlier run kept, and makes a folder private again that is not")
    func replaced() async throws {
        try await withPool { pool async throws in
            pool.bench.has(pool.host.web())
            try pool.scratch.write("\(folder)/machine.json", "{}")
            try pool.scratch.write("\(folder)/definition.xml", "a longer text than the one that comes now, by far")
            try pool.scratch.write("\(folder)/files/old", "")
            chmod("\(pool.scratch.path)/tank/VM/.stillpoint", 0o755)
            #expect(await pool.bench.run(.pre) == .done)
            #expect(try text(pool.scratch, "\(folder)/definition.xml") == "<definition of id-of-web01>")
            #expect(!pool.has("\(folder)/files/old"))
            #expect(try kept(pool).name == "web01")
            #expect(try pool.scratch.mode("tank/VM/.stillpoint") == 0o700)
        }
    }

    enum Change: CaseIterable {
        case nothing, definition, file, fileEnd, disk, meddled, unfinished
    }

    @Test(
        "is written again only where something changed: a write holds up the guests' flushes",
        arguments: Change.allCases)
    func unchanged(change: Change) async throws {
        try await withPool { pool async throws in
            pool.bench.has(pool.host.web())
            let nvram = try pool.scratch.write("nvram.fd", "variables")
            func keep(_ definition: String) {
                pool.world.change {
                    $0.exportDefinition = { _ in
                        ExportedDefinition(definition: definition, files: [SavedFile(name: "nvram", path: nvram)])
                    }
                }
            }
            keep("<domain/>")
            try pool.pool.add("tank/VM@daily")
            #expect(await pool.bench.run(.pre) == .done)
            #expect(await pool.bench.run(.post) == .done)
            let path = "\(pool.scratch.path)/\(folder)/machine.json"
            // A second name keeps its inode's number from being used again.
            #expect(Glibc.link(path, pool.scratch.path + "/before") == 0)
            switch change {
            case .nothing: break
            case .definition: keep("<domain>")
            case .file: try pool.scratch.write("nvram.fd", "Variables")
            case .fileEnd: try pool.scratch.write("nvram.fd", "variables and more")
            case .disk: pool.bench.has(pool.host.machine("web01", pool.host.disk("vda", "tank/VM/other.raw")))
            case .meddled: try pool.scratch.write("\(folder)/definition.xml", "<domain/> and more")
            case .unfinished: try removeFile(at: path)
            }
            #expect(await pool.bench.run(.pre) == .done)
            var (before, now) = (stat(), stat())
            #expect(stat(pool.scratch.path + "/before", &before) == 0)
            #expect(stat(path, &now) == 0)
            #expect((before.st_ino == now.st_ino) == (change == .nothing))
            #expect(
                try text(pool.scratch, "\(folder)/definition.xml") == (change == .definition ? "<domain>" : "<domain/>")
            )
            #expect(try text(pool.scratch, "\(folder)/files/nvram") == text(pool.scratch, "nvram.fd"))
            #expect(try kept(pool).images.map(\.relativePath) == [change == .disk ? "other.raw" : "web01.raw"])
        }
    }

    @Test("is kept of VMs that are off as well")
    func off() async throws {
        try await withPool { pool async throws in
            pool.bench.has(pool.host.web(power: .off))
            #expect(await pool.bench.run(.pre) == .done)
            #expect(try kept(pool).images.map(\.relativePath) == ["web01.raw"])
        }
    }

    @Test("is in every dataset that holds one of its disks, backing images included")
    func datasets() async throws {
        try await withPool { pool async throws in
            pool.bench.has(
                pool.host.machine(
                    "web01", pool.host.disk("vda", "tank/VM/a/top.qcow2", "tank/VM/base.qcow2"),
                    pool.host.disk("vdb", "tank/VM/db/db.raw"), pool.host.disk("vdc", "tank/other/else.raw"),
                    pool.host.disk("sda", "tank/VM/cd.iso", exclusion: .cdrom)))
            try pool.scratch.folder("tank/VM/a")
            #expect(await pool.bench.run(.pre, ["--recursive", "tank/VM@daily"]) == .done)
            let below = "tank/VM/db/.stillpoint/id-of-web01"
            #expect(try kept(pool) == kept(pool, in: below))
            let images = try kept(pool).images
            #expect(images.map(\.relativePath) == ["a/top.qcow2", "base.qcow2", "db.raw"])
            #expect(images.map(\.isWritten) == [true, false, true])
            #expect(images.map(\.dataset.rawValue) == ["tank/VM", "tank/VM", "tank/VM/db"])
            #expect(!pool.has("tank/other/.stillpoint"))
        }
    }

    @Test("tells an image's place on its dataset though the definition names a symbolic link")
    func link() async throws {
        try await withPool { pool async throws in
            try pool.scratch.write("tank/VM/images/web01.raw", "")
            try pool.scratch.link("vms", to: "\(pool.scratch.path)/tank/VM/images")
            pool.bench.has(pool.host.machine("web01", pool.host.disk("vda", "vms/web01.raw")))
            #expect(await pool.bench.run(.pre) == .done)
            let image = try #require(try kept(pool).images.first)
            #expect(image.path == "\(pool.scratch.path)/vms/web01.raw")
            #expect(image.relativePath == "images/web01.raw")
        }
    }

    @Test("lies beside the state file for a volume, until the run leaves no restore point")
    func volume() async throws {
        try await withPool { pool async throws in
            try pool.bench.directory.prepare()
            let hypervisor = FakeHypervisor.make(HypervisorSettings(name: "local", uri: pool.world.uri))
            let planned = PlannedVM(
                hypervisor: hypervisor, machine: pool.host.web(), disks: [],
                datasets: [try DatasetName("tank/VM"), try DatasetName("tank/volume")], strategies: [],
                onFailure: .continue, notes: [])
            let saver = DefinitionSaver(storage: try pool.host.storage(), catalogue: pool.catalogue)
            #expect(await saver.save(planned, run: PoolBench.run, within: SavingBudget(until: nil)).problem == nil)
            let place = "state/restore-points/\(PoolBench.run)/id-of-web01"
            #expect(try kept(pool, in: place) == kept(pool))
            #expect(try pool.scratch.mode(place) == 0o700)
            try pool.keep([])
            pool.catalogue.discardSavedDefinitions(of: PoolBench.run)
            #expect(pool.has(place))
            try removeFile(at: pool.catalogue.folder + "/\(PoolBench.run).json")
            pool.catalogue.discardSavedDefinitions(of: PoolBench.run)
            #expect(!pool.has("state/restore-points/\(PoolBench.run)"))
        }
    }
}
