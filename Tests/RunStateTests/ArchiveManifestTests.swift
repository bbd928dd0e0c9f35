import Glibc
import HostFixtures
import Hypervisor
import RAMArchive
import TestSupport
import Testing
import ZFS

@testable import Engine
@testable import Operator
@testable import RunState
@testable import Support

@Suite("Side-cars", .serialized)
struct ArchiveManifestTests {
    @Test(
        "and dumps lie where dataset and VM say, whatever they are called",
        arguments: [
            ("tank/VM", "web01", "tank/VM/web01"), ("tank/my VMs", "web 1", "tank/my VMs/web%201"),
            ("tank", "a/b", "tank/a%2Fb"), ("tank", "..", "tank/%2E."), ("tank", ".hidden", "tank/%2Ehidden"),
            ("tank", "größe", "tank/gr%C3%B6%C3%9Fe"), ("tank", "a\nb", "tank/a%0Ab"),
            ("tank", String(repeating: "ö", count: 60), "tank/id"),
        ])
    func path(dataset: String, name: String, expected: String) throws {
        let machine = RestorePointVM(
            hypervisor: "local", id: "id", name: name, datasets: [try DatasetName(dataset)], consistency: .memory)
        let point = RestorePoint(run: PoolBench.run, manager: "sanoid", snapshots: [], machines: [machine])
        let dump = ArchiveManifest.dumpPath(of: machine, in: point, coldStorage: "/cold")
        #expect(dump == "/cold/\(expected)/\(PoolBench.run).ram")
        #expect(ArchiveManifest.path(of: dump) == "/cold/\(expected)/\(PoolBench.run).json")
    }

    @Test("keep two VMs of one name apart")
    func namesakes() async throws {
        try await withPool { pool async throws in
            var (one, two) = (
                try keptMachine(dump: pool.dump("one", "1")), try keptMachine(dump: pool.dump("two", "22"))
            )
            two = RestorePointVM(
                hypervisor: "local", id: "second", name: one.name, datasets: one.datasets, consistency: .memory,
                dump: two.dump)
            one.notes = ["the first"]
            try pool.keep([one, two])
            try pool.catalogue.markForArchive(PoolBench.run)
            #expect(try pool.archiver().run())
            #expect(try pool.scratch.names(in: "cold/tank/VM") == ["web01-id-of-web01", "web01-second"])
            pool.scratch.remove("state")
            #expect(pool.points.points.first?.machines.map(\.dump?.bytes).sorted { ($0 ?? 0) < ($1 ?? 0) } == [1, 2])
        }
    }

    @Test("say what the dump is, and name it by its bare name, so that both can be copied elsewhere")
    func roundTrip() async throws {
        try await withPool { pool async throws in
            let machine = try keptMachine(dump: pool.dump())
            let path = try pool.archived(machine, in: ["tank/VM@daily", "tank/VM@hourly", "tank/other@daily"])
            let written = try text(pool.scratch, "cold/tank/VM/web01/\(PoolBench.run).json")
            #expect(!written.contains(pool.scratch.path))
            try pool.scratch.folder("copy")
            for ending in ["ram", "json"] {
                let name = "\(PoolBench.run).\(ending)"
                try pool.scratch.write("copy/\(name)", readFile("\(pool.cold)/tank/VM/web01/\(name)"))
            }
            let point = try ArchiveManifest.read("\(pool.scratch.path)/copy/\(PoolBench.run).json")
            #expect(point.snapshots.map(\.name.rawValue) == ["tank/VM@daily", "tank/VM@hourly"])
            #expect(point.snapshots.map(\.guid) == point.snapshots.map { FakePool.guid(of: $0.name.rawValue) })
            let dump = try #require(point.machines.first?.dump)
            #expect(dump.path == "\(pool.scratch.path)/copy/\(PoolBench.run).ram")
            #expect(
                dump.packed == (try ArchiveManifest.read(ArchiveManifest.path(of: path))).machines.first?.dump?.packed)
        }
    }

    /// A field that a version does not know is left out of what it compares with the seal.
    @Test("have no field that their first version did not have, or it would call them forged")
    func known() async throws {
        try await withPool { pool async throws in
            var machine = try keptMachine(dump: pool.dump())
            machine.reason = .agentSilent
            _ = try pool.archived(machine, in: ["tank/VM@daily"])
            let path = "cold/tank/VM/web01/\(PoolBench.run).json"
            #expect(try !text(pool.scratch, path).contains("reason"))
            #expect(pool.points.points.first?.machines.first?.reason == .agentSilent)
        }
    }

    enum Lie: CaseIterable {
        case run, twoMachines, noMachine, folder, parent, stored, bytes, notPacked, source, missing, shorter, truncated
        case newer, link
    }

    @Test("that lie are problems, and never restore points", arguments: Lie.allCases)
    func lies(lie: Lie) async throws {
        try await withPool { pool async throws in
            let path = try pool.archived()
            pool.scratch.remove("state")
            let file = ArchiveManifest.path(of: path)
            try lie.tell(in: ArchiveManifest.read(file), at: path)
            let found = ArchiveManifest.all(in: pool.cold)
            #expect(found.points.isEmpty)
            #expect(found.problems.count == 1)
            #expect(found.problems.first?.description.contains(file) == true)
            #expect(await pool.operating.list(nil, json: true) == .done)
            #expect(pool.log.text.contains("warning: "))
            #expect(fileExists(path) == (lie != .missing))
        }
    }

    @Test("are not searched for behind symbolic links, nor in files of another kind")
    func strangers() async throws {
        try await withPool { pool async throws in
            try pool.archived()
            try pool.scratch.link("cold/loop", to: pool.cold)
            try pool.scratch.write("cold/notes.txt", "{}")
            try pool.scratch.write("cold/notes.json", "{}")
            let found = ArchiveManifest.all(in: pool.cold)
            #expect(found.points.count == 1)
            #expect(found.problems.isEmpty)
        }
    }

    @Test("are not searched for without an end")
    func many() async throws {
        try await withPool { pool async throws in
            try pool.archived()
            let found = ArchiveManifest.all(in: pool.cold, most: 2)
            #expect(
                found.problems.map(\.description) == [
                    "not all of cold_storage \(pool.cold) was read: it has more than 2 parts; "
                        + "move away what is no dump"
                ])
        }
    }

    @Test("that are bombs are problems", arguments: ["[", "{}"])
    func bombs(piece: String) async throws {
        try await withPool { pool async throws in
            let path = try pool.archived()
            let text = "[\(String(repeating: piece + ",", count: 300_000))"
            try pool.scratch.write("cold/20200101T000000Z-000000.json", text)
            let found = ArchiveManifest.all(in: pool.cold)
            #expect(found.points.count == 1)
            #expect(found.problems.count == 1)
            #expect(fileExists(path))
        }
    }
}

extension ArchiveManifestTests.Lie {
    /// Writes the true side-car anew with a lie in it.
    fileprivate func tell(in truth: RestorePoint, at dump: String) throws {
        let file = ArchiveManifest.path(of: dump)
        var point = truth
        let kept = try #require(truth.machines.first?.dump)
        let packed = try #require(kept.packed)
        point.machines[0].dump?.path = FileAccess.lastComponent(dump)
        switch self {
        case .run:
            point = RestorePoint(
                run: "20200101T000000Z-000000", manager: "", snapshots: truth.snapshots, machines: point.machines)
        case .twoMachines: point.machines += point.machines
        case .noMachine: point.machines = []
        case .folder: point.machines[0].dump?.path = "web01/" + FileAccess.lastComponent(dump)
        case .parent: point.machines[0].dump?.path = "../web01/" + FileAccess.lastComponent(dump)
        case .stored:
            point.machines[0].dump?.packed = PackedDump(
                plainBytes: packed.plainBytes, storedBytes: packed.storedBytes + 1, sha256: packed.sha256,
                compression: packed.compression)
        case .bytes:
            point.machines[0].dump = StoredDump(
                path: FileAccess.lastComponent(dump), bytes: kept.bytes + 1, packed: packed)
        case .notPacked: point.machines[0].dump?.packed = nil
        case .source: point.machines[0].dump?.source = "/etc/passwd"
        case .missing: unlink(dump)
        case .shorter: truncate(dump, off_t(packed.storedBytes) - 1)
        case .truncated, .newer, .link: break
        }
        try StateFile.write(point, to: file)
        switch self {
        case .truncated: truncate(file, 40)
        case .newer: try replaceFile(at: file, with: Array(#"{"format": 3}"#.utf8))
        case .link:
            rename(file, file + ".moved")
            symlink(file + ".moved", file)
        default: break
        }
    }
}
