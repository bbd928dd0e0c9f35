import Glibc
import HostFixtures
import Hypervisor
import SnapshotManagers
import TestSupport
import Testing

@testable import Engine
@testable import RunState

@Suite("Saving definitions in a dataset that others may write to", .serialized)
struct DefinitionSaverCareTests {
    enum Trap: String, CaseIterable {
        case folder = "tank/VM/.stillpoint"
        case machine = "tank/VM/.stillpoint/id-of-web01"
        case files = "tank/VM/.stillpoint/id-of-web01/files"
        case definition = "tank/VM/.stillpoint/id-of-web01/definition.xml"
    }

    @Test("follows no symbolic link, and the freeze continues", arguments: Trap.allCases)
    func trap(trap: Trap) async throws {
        try await withPool { pool async throws in
            pool.bench.has(pool.host.web())
            let nvram = try pool.scratch.write("nvram.fd", "variables")
            pool.world.change {
                $0.exportDefinition = { _ in
                    ExportedDefinition(definition: "<d>", files: [SavedFile(name: "nvram", path: nvram)])
                }
            }
            let target = try pool.scratch.folder("etc")
            try pool.scratch.write("etc/passwd", "root")
            try pool.scratch.write("etc/stranger/machine.json", "{}")
            try pool.scratch.link(trap.rawValue, to: trap == .definition ? target + "/passwd" : target)
            #expect(await pool.bench.run(.pre) == .done)
            let record = try pool.bench.onlyRecord()
            #expect(record.consistency == .quiesced)
            #expect(try pool.scratch.names(in: "etc") == ["passwd", "stranger"])
            #expect(pool.has("etc/stranger/machine.json"))
            #expect(try text(pool.scratch, "etc/passwd") == "root")
            #expect(try pool.scratch.mode("etc") == 0o755)
            // The folder of files is made anew each time, so the link is deleted; the others are not touched.
            let note = record.notes.first ?? ""
            #expect(note.hasPrefix("its definition is not in the snapshot") == (trap != .files), "\(note)")
        }
    }

    @Test("refuses a folder of another user")
    func otherUser() async throws {
        try await withPool { pool async throws in
            try #require(geteuid() == 0)
            pool.bench.has(pool.host.web())
            let path = try pool.scratch.folder("tank/VM/.stillpoint")
            try pool.scratch.write("tank/VM/.stillpoint/stale/machine.json", "{}")
            try #require(chown(path, 1000, 1000) == 0)
            #expect(await pool.bench.run(.pre) == .done)
            #expect(try pool.bench.onlyRecord().notes.count == 1)
            #expect(try pool.scratch.names(in: "tank/VM/.stillpoint") == ["stale"])
        }
    }

    @Test("removes what was kept of VMs that are gone, and nothing else")
    func stale() async throws {
        try await withPool { pool async throws in
            pool.bench.has(pool.host.web())
            let folder = "tank/VM/.stillpoint"
            for file in ["gone/machine.json", "gone/files/nvram", "foreign/notes.txt", "note.txt"] {
                try pool.scratch.write("\(folder)/\(file)", "{}")
            }
            #expect(await pool.bench.run(.pre) == .done)
            #expect(try pool.scratch.names(in: folder) == ["foreign", "id-of-web01", "note.txt"])
        }
    }

    enum Absence: CaseIterable { case gone, moved, ignored, silent, otherHypervisor }

    @Test("removes nothing of a VM that may be there still", arguments: Absence.allCases)
    func absent(absence: Absence) async throws {
        let sections = "[hypervisor two]\nkind = fake\nuri = fake://SCRATCH/two\n[vm db01]\nstrategy = ignore\n"
        try await withPool(sections: sections) { pool async throws in
            let two = FakeWorld(uri: "fake://\(pool.scratch.path)/two", stateDirectory: pool.bench.statePath)
            defer { two.forget() }
            let (web, db) = (pool.host.web(), pool.host.web("db01"))
            pool.bench.has(web)
            switch absence {
            case .gone: break
            case .moved: pool.bench.has(web, pool.host.machine("db01", pool.host.disk("vda", "tank/other/db01.raw")))
            case .ignored: pool.bench.has(web, db)
            case .silent: two.change { $0.list = { throw refusal(.retry, "nobody answers") } }
            case .otherHypervisor: two.change { $0.list = { [db] } }
            }
            let folder = "tank/VM/.stillpoint/id-of-db01"
            try pool.scratch.write("\(folder)/machine.json", "{}")
            try pool.scratch.folder("tank/other")
            try pool.scratch.write("tank/other/db01.raw", "")
            try pool.scratch.write("tank/VM/db01.raw", "")
            #expect(await pool.bench.run(.pre) == .done)
            #expect(pool.has(folder) == ![.gone, .moved].contains(absence))
        }
    }

    @Test("continues with a note where the back end cannot tell, or a file cannot be read", arguments: [true, false])
    func cannotTell(throwsError: Bool) async throws {
        try await withPool { pool async throws in
            pool.bench.has(pool.host.web())
            pool.world.change {
                $0.exportDefinition = { _ in
                    guard !throwsError else { throw refusal(.stop, "no definition today") }
                    return ExportedDefinition(definition: "", files: [SavedFile(name: "nvram", path: "/nowhere/nvram")])
                }
            }
            #expect(await pool.bench.run(.pre) == .done)
            let record = try pool.bench.onlyRecord()
            #expect(record.consistency == .quiesced)
            #expect(record.notes.count == 1)
            let lost = throwsError ? "its definition is" : "its file /nowhere/nvram is"
            #expect(record.notes.first?.hasPrefix("\(lost) not in the snapshot: ") == true)
            // What is whole has a machine.json; a half is not taken for that.
            #expect(pool.has("tank/VM/.stillpoint/id-of-web01/machine.json") == !throwsError)
        }
    }

    @Test("does not touch what another run saved of a VM that it holds")
    func taken() async throws {
        try await withPool { pool async throws in
            pool.bench.has(pool.host.web())
            pool.world.change { $0.release = { _, _ in throw refusal(.stop, "it is on another host") } }
            try pool.bench.directory.prepare()
            var record = try makeRecord("web01")
            record.freezeState = someHold
            try pool.bench.directory.write(makeRun(PoolBench.run, machines: [record]))
            try pool.scratch.write("tank/VM/.stillpoint/id-of-web01/machine.json", "kept by the other run")
            #expect(await pool.bench.run(.pre, ["--deadline", "10", "tank/VM@hourly"]) == .done)
            #expect(pool.world.kept.isEmpty)
            #expect(try text(pool.scratch, "tank/VM/.stillpoint/id-of-web01/machine.json") == "kept by the other run")
        }
    }

    @Test("forgets what it kept beside the state file when the run is undone", arguments: [true, false])
    func undone(aborts: Bool) async throws {
        try await withPool(general: "on_failure = \(aborts ? "abort" : "continue")\nstrategy = quiesce") {
            pool async throws in
            pool.bench.has(pool.host.web())
            let folder = pool.catalogue.folder
            pool.world.change {
                $0.freeze = { request, _ in
                    mkdir("\(folder)/\(request.run)", 0o700)
                    throw refusal(.fallBack)
                }
            }
            #expect(await pool.bench.run(.pre) == (aborts ? .failed : .done))
            #expect(try pool.scratch.names(in: "state/restore-points").isEmpty == aborts)
            // The next run takes one that holds nothing, and whose post never came, for abandoned.
            pool.world.change { $0.freeze = FakeWorld.Behaviour().freeze }
            // Here both hooks are one process, in which the first one's lock lives a moment longer than its call.
            try await Task.sleep(for: .milliseconds(300))
            #expect(await pool.bench.run(.pre) == .done)
            #expect(try pool.scratch.names(in: "state/restore-points").isEmpty)
        }
    }
}
