import HostFixtures
import Hypervisor
import Support
import TestSupport
import Testing
import ZFS

@testable import Engine
@testable import Operator
@testable import RunState

@Suite("Restoring in place, by rollback", .serialized)
struct RollbackRestoreTests {
    @Test("stops the VM, rolls back and brings it up with its RAM", arguments: [true, false])
    func alone(isArchived: Bool) async throws {
        try await withPool { pool async throws in
            try pool.web(isArchived: isArchived)
            let recorder = pool.recorder()
            #expect(await pool.restore(to: .inPlace) == .done, "\(pool.log.text)")
            let seen = try recorder.only
            #expect(seen.request.newName == nil && seen.request.moves.isEmpty && seen.request.linksUp == nil)
            #expect(seen.request.power == .running)
            #expect(seen.ram == PoolBench.guestRAM)
            // Not under the dump's own name, which an archiving may take away meanwhile.
            #expect(seen.request.ramDump?.hasPrefix("\(pool.scratch.path)/ram/restore-") == true)
            #expect(try pool.pool.calls("rollback") == ["rollback tank/VM@daily"])
            #expect(pool.world.acts.suffix(2) == ["stop id-of-web01", "restore <definition of web01>"])
            #expect(try pool.leftByRestores == [])
            let dump = try #require(pool.catalogue.read(PoolBench.run).machines.first?.dump)
            #expect(fileExists(dump.path))
        }
    }

    @Test("is refused while newer snapshots would be destroyed, unless that is asked for", arguments: [true, false])
    func newer(destroys: Bool) async throws {
        try await withPool { pool async throws in
            try pool.web()
            for name in ["tank/VM/db@later", "tank/VM@later", "tank/VM@last"] { try pool.pool.add(name) }
            let recorder = pool.recorder()
            let code = await pool.restore(to: .inPlace) { $0.destroyNewer = destroys }
            #expect(code == (destroys ? .done : .usage))
            #expect(try pool.pool.calls("rollback") == (destroys ? ["rollback -r tank/VM@daily"] : []))
            #expect(recorder.seen.count == (destroys ? 1 : 0))
            #expect(pool.world.count("stop") == (destroys ? 1 : 0))
            let words = destroys ? "stillpoint prune --orphans" : "would destroy the newer tank/VM@later, tank/VM@last;"
            #expect(pool.log.text.contains(words), "\(pool.log.text)")
            #expect(try pool.leftByRestores == [])
        }
    }

    @Test(
        "is refused, before the VM is stopped, when zfs could not destroy what is newer",
        arguments: [("userrefs", "tank/VM@later is held"), ("clone", "tank/away is a clone of tank/VM@later")])
    func obstacle(kind: String, words: String) async throws {
        try await withPool { pool async throws in
            try pool.web()
            try pool.pool.add("tank/VM@later", kind == "userrefs" ? ["userrefs": "1"] : [:])
            if kind == "clone" { try pool.pool.add("tank/away", ["origin": "tank/VM@later"]) }
            #expect(await pool.restore(to: .inPlace) { $0.destroyNewer = true } == .usage)
            #expect(pool.log.text.contains(words), "\(pool.log.text)")
            #expect(pool.world.count("stop") == 0)
            #expect(try pool.pool.calls("rollback").isEmpty)
        }
    }

    @Test("touches no dataset that holds no disk of the VM, as a recursive snapshot's parent or a volume beside it")
    func elsewhere() async throws {
        try await withPool { pool async throws in
            try pool.web()
            try pool.pool.add("tank/other@daily")
            // Beside the state file, where what is kept of VMs on volumes is found for every snapshot of the run.
            let folder = "state/restore-points/\(PoolBench.run)/\(SavedDefinition.folderName(of: "id-of-web01"))"
            let kept = SavedDefinition(
                hypervisor: "local", id: "id-of-web01", name: "web01", images: [try pool.image()],
                files: [])
            try pool.scratch.write("\(folder)/definition.xml", "<definition of web01>")
            try pool.scratch.write("\(folder)/machine.json", StateFile.text(kept))
            var point = try pool.catalogue.read(PoolBench.run)
            point.snapshots.append(
                RestorePointSnapshot(
                    name: try SnapshotName("tank/other@daily"), guid: FakePool.guid(of: "tank/other@daily")))
            try pool.catalogue.write(point)
            for target in [RestoreOptions.Target.inPlace, .clone("web02")] {
                #expect(await pool.restore("tank/other@daily", to: target) == .usage)
                #expect(pool.log.text.contains("no disk of web01 is in tank/other@daily"), "\(pool.log.text)")
            }
            #expect(pool.world.count("stop") == 0)
            #expect(try pool.pool.calls("rollback").isEmpty)
            #expect(try pool.leftByRestores == [])
        }
    }

    @Test("works where there are older snapshots")
    func older() async throws {
        try await withPool { pool async throws in
            try pool.pool.add("tank/VM@older")
            try pool.web(.quiesced)
            #expect(await pool.restore(to: .inPlace) == .done)
            #expect(try pool.pool.calls("rollback").count == 1)
        }
    }

    @Test("rolls back every dataset of the VM")
    func twoDatasets() async throws {
        try await withPool { pool async throws in
            let images = [try pool.image(), try pool.image("db.raw", on: "tank/VM/db")]
            for snapshot in ["tank/VM@daily", "tank/VM/db@daily"] { try pool.snapshot(snapshot, images: images) }
            pool.bench.has(
                pool.host.machine(
                    "web01", pool.host.disk("vda", "tank/VM/web01.raw"), pool.host.disk("vdb", "tank/VM/db/db.raw")))
            for image in images { try pool.scratch.write(String(image.path.dropFirst(pool.scratch.path.count)), "new") }
            #expect(await pool.restore(to: .inPlace) == .done, "\(pool.log.text)")
            #expect(try pool.pool.calls("rollback") == ["rollback tank/VM@daily", "rollback tank/VM/db@daily"])
        }
    }

    @Test("leaves the VM running when its RAM is damaged")
    func damagedRAM() async throws {
        try await withPool { pool async throws in
            try pool.web()
            try pool.scratch.write("cold/tank/VM/web01/\(PoolBench.run).ram", "damaged")
            #expect(await pool.restore(to: .inPlace) == .usage)
            #expect(pool.world.count("stop") == 0)
            #expect(try pool.pool.calls("rollback").isEmpty)
            #expect(try pool.leftByRestores == [])
        }
    }

    @Test("undoes all when the VM cannot be stopped")
    func notStopped() async throws {
        try await withPool { pool async throws in
            try pool.web()
            pool.world.change { $0.stop = { _ in throw refusal(.stop, "it does not die") } }
            #expect(await pool.restore(to: .inPlace) == .failed)
            #expect(try pool.pool.calls("rollback").isEmpty)
            #expect(pool.log.text.contains("web01 was not restored: it does not die"))
            #expect(try pool.leftByRestores == [])
        }
    }

    enum Failure: CaseIterable { case rollback, backEnd }

    @Test("says where things are when it fails half-way, and ends with exit code 3", arguments: Failure.allCases)
    func halfWay(failure: Failure) async throws {
        try await withPool { pool async throws in
            try pool.web()
            let recorder = pool.recorder(fails: failure == .backEnd)
            if failure == .rollback { try pool.pool.fail("^rollback") }
            #expect(await pool.restore(to: .inPlace) == .needsRecovery)
            #expect(recorder.seen.count == (failure == .backEnd ? 1 : 0))
            let copy = try #require(try pool.scratch.names(in: "ram").first { $0.hasSuffix(".ram") })
            for words in [
                "web01 is stopped and not restored", "tank/VM@daily", "Its RAM is in \(pool.scratch.path)/ram/\(copy)",
            ] {
                #expect(pool.log.text.contains(words), "\(pool.log.text)")
            }
            #expect(try text(pool.scratch, "ram/\(copy)") == PoolBench.guestRAM)
            #expect(try pool.bench.directory.openRunIDs().isEmpty)
            #expect(try pool.pool.clones().isEmpty)

            try pool.pool.fail(nil)
            let again = pool.recorder()
            #expect(await pool.restore(to: .inPlace) == .done)
            #expect(try again.only.ram == PoolBench.guestRAM)
            #expect(try pool.leftByRestores == [])
        }
    }

    @Test("is refused for a dataset whose other content cannot be seen, since it is not mounted")
    func notMounted() async throws {
        try await withPool { pool async throws in
            try pool.web(.quiesced)
            let hidden = SavedImage(
                target: "vda", path: "/hidden/web01.raw", dataset: try DatasetName("tank/hidden"),
                relativePath: "web01.raw", isWritten: true)
            try pool.pool.add("tank/hidden")
            try pool.snapshot("tank/hidden@daily", "dark", images: [hidden])
            #expect(await pool.restore("tank/hidden@daily", "dark", to: .inPlace) == .usage)
            #expect(pool.log.text.contains("tank/hidden is not mounted"))
            #expect(try pool.pool.calls("rollback").isEmpty)
            #expect(try pool.leftByRestores == [])
        }
    }
}
