import DiskLocation
import Glibc
import HostFixtures
import Hypervisor
import TestSupport
import Testing
import ZFS

@testable import Engine
@testable import Operator
@testable import RunState

@Suite("Restoring in place, by copies", .serialized)
struct FileCopyRestorerTests {
    /// What else is on the dataset.
    enum Company: CaseIterable { case machine, file, hiddenFile, deepFile }

    private func add(_ company: Company, _ pool: PoolBench) throws {
        switch company {
        case .machine: pool.bench.has(pool.host.web(), pool.host.web("other"))
        case .file: try pool.scratch.write("tank/VM/notes.txt", "mine")
        case .hiddenFile: try pool.scratch.write("tank/VM/.notes", "mine")
        case .deepFile: try pool.scratch.write("tank/VM/a/b/notes.txt", "mine")
        }
    }

    @Test("never rolls back what others use, and replaces the VM's own files", arguments: Company.allCases)
    func shared(company: Company) async throws {
        try await withPool { pool async throws in
            try pool.web()
            try add(company, pool)
            let recorder = pool.recorder()
            #expect(await pool.restore(to: .inPlace) == .done, "\(pool.log.text)")
            #expect(try recorder.only.disks == ["old web01.raw"])
            #expect(try text(pool.scratch, "tank/VM/web01.raw") == "old web01.raw")
            #expect(try pool.pool.calls("rollback").isEmpty)
            #expect(pool.log.text.contains(company == .machine ? "also on its datasets: the VM other" : "notes"))
            #expect(try pool.leftByRestores == [])
        }
    }

    @Test("keeps the present files beside the restored ones while the VM is off")
    func off() async throws {
        try await withPool { pool async throws in
            try pool.web(.quiesced)
            try add(.machine, pool)
            chmod(pool.scratch.path + "/snapshots/tank/VM@daily/web01.raw", 0o640)
            #expect(await pool.restore(to: .inPlace) == .done)
            let kept = try #require(try pool.scratch.names(in: "tank/VM").first { $0.contains(".before-") })
            #expect(try text(pool.scratch, "tank/VM/\(kept)") == "new web01.raw")
            #expect(try text(pool.scratch, "tank/VM/web01.raw") == "old web01.raw")
            #expect(try pool.scratch.mode("tank/VM/web01.raw") == 0o640)
            #expect(pool.log.text.contains(kept))
        }
    }

    @Test("puts the present files back when the back end fails, and ends with exit code 3")
    func backEndFails() async throws {
        try await withPool { pool async throws in
            try pool.web(.quiesced)
            try add(.machine, pool)
            let recorder = pool.recorder(fails: true)
            #expect(await pool.restore(to: .inPlace) == .needsRecovery)
            #expect(try recorder.only.disks == ["old web01.raw"])
            #expect(try text(pool.scratch, "tank/VM/web01.raw") == "new web01.raw")
            #expect(pool.log.text.contains("Its disks are as they were before."))
            #expect(try pool.leftByRestores == [])
        }
    }

    @Test("puts back those that were replaced when a later one cannot be")
    func secondFails() async throws {
        try await withPool { pool async throws in
            let images = [try pool.image(), try pool.image("second.raw")]
            try pool.snapshot(images: images)
            for name in ["web01.raw", "second.raw"] { try pool.scratch.write("tank/VM/\(name)", "new \(name)") }
            pool.bench.has(
                pool.host.machine(
                    "web01", pool.host.disk("vda", "tank/VM/web01.raw"), pool.host.disk("vdb", "tank/VM/second.raw")),
                pool.host.web("other"))
            let path = pool.scratch.path + "/tank/VM/second.raw"
            // Between the copying and the renaming the second copy vanishes.
            pool.world.change {
                $0.stop = { _ in
                    unlink(path + ".stillpoint-new")
                }
            }
            let recorder = pool.recorder()
            #expect(await pool.restore(to: .inPlace) == .needsRecovery)
            #expect(recorder.seen.isEmpty)
            #expect(try text(pool.scratch, "tank/VM/web01.raw") == "new web01.raw")
            #expect(try text(pool.scratch, "tank/VM/second.raw") == "new second.raw")
            #expect(try pool.leftByRestores == [])
        }
    }

    @Test("restores an image that is gone by now")
    func gone() async throws {
        try await withPool { pool async throws in
            try pool.web(.quiesced)
            try add(.machine, pool)
            pool.scratch.remove("tank/VM/web01.raw")
            #expect(await pool.restore(to: .inPlace) == .done)
            #expect(try text(pool.scratch, "tank/VM/web01.raw") == "old web01.raw")
            #expect(try pool.leftByRestores == [])
        }
    }

    @Test("leaves the VM running and no copy when the copying fails")
    func copyFails() async throws {
        try await withPool { pool async throws in
            try pool.web(.quiesced)
            try add(.machine, pool)
            try pool.scratch.folder("tank/VM/web01.raw.stillpoint-new")
            #expect(await pool.restore(to: .inPlace) == .failed)
            #expect(pool.world.count("stop") == 0)
            #expect(try text(pool.scratch, "tank/VM/web01.raw") == "new web01.raw")
            pool.scratch.remove("tank/VM/web01.raw.stillpoint-new")
            #expect(try pool.leftByRestores == [])
        }
    }

    @Test("puts the image on its dataset where the definition names a symbolic link to it")
    func link() async throws {
        try await withPool { pool async throws in
            try pool.web(.quiesced)
            try pool.scratch.link("vms/web01.raw", to: "\(pool.scratch.path)/tank/VM/web01.raw")
            let linked = SavedImage(
                target: "vda", path: "\(pool.scratch.path)/vms/web01.raw", dataset: try DatasetName("tank/VM"),
                relativePath: "web01.raw", isWritten: true)
            try pool.snapshot(images: [linked])
            try add(.machine, pool)
            #expect(await pool.restore(to: .inPlace) == .done)
            #expect(try pool.scratch.names(in: "vms") == ["web01.raw"])
            #expect(try text(pool.scratch, "tank/VM/web01.raw") == "old web01.raw")
            #expect(try text(pool.scratch, "vms/web01.raw") == "old web01.raw")
        }
    }

    @Test("touches no backing image that is as it was", arguments: [true, false])
    func backing(isUnchanged: Bool) async throws {
        try await withPool { pool async throws in
            try pool.web(.quiesced)
            try pool.snapshot(images: [pool.image(), pool.image("base.raw", isWritten: false)])
            try add(.machine, pool)
            let base = try pool.scratch.write("tank/VM/base.raw", isUnchanged ? "old base.raw" : "another")
            var status = stat()
            try #require(stat(pool.scratch.path + "/snapshots/tank/VM@daily/base.raw", &status) == 0)
            let times = [status.st_atim, status.st_mtim]
            try #require(utimensat(AT_FDCWD, base, times, 0) == 0)
            var (before, after) = (stat(), stat())
            try #require(stat(base, &before) == 0)
            #expect(await pool.restore(to: .inPlace) == .done)
            try #require(stat(base, &after) == 0)
            #expect((before.st_ino == after.st_ino) == isUnchanged)
            #expect(try text(pool.scratch, "tank/VM/base.raw") == "old base.raw")
        }
    }

    @Test("is refused for a backing image that has changed and that another VM uses")
    func sharedBacking() async throws {
        try await withPool { pool async throws in
            try pool.web(.quiesced)
            try pool.snapshot(images: [pool.image(), pool.image("base.raw", isWritten: false)])
            try pool.scratch.write("tank/VM/base.raw", "another")
            let other = pool.host.machine("other", pool.host.disk("vda", "tank/other/top.raw", "tank/VM/base.raw"))
            pool.bench.has(pool.host.web(), other)
            #expect(await pool.restore(to: .inPlace) == .usage)
            #expect(pool.log.text.contains("base.raw is another VM's too"))
            #expect(pool.world.count("stop") == 0)
            #expect(try text(pool.scratch, "tank/VM/base.raw") == "another")
            #expect(try pool.leftByRestores == [])
        }
    }

    /// web01 with a second disk, the volume tank/vol, beside its file on tank/VM, which `other` uses too.
    private func addVolume(_ pool: PoolBench, otherOn dataset: String? = nil) throws {
        let volume = try DatasetName("tank/vol")
        for name in ["tank/vol", "tank/vol@daily"] { try pool.pool.add(name, ["type": "volume"]) }
        try pool.web(.quiesced)
        try pool.keep(
            [keptMachine(on: ["tank/VM", "tank/vol"], .quiesced)], in: ["tank/VM@daily", "tank/vol@daily"])
        let disk = SavedImage(
            target: "vdb", path: "/dev/zvol/tank/vol", dataset: volume, relativePath: nil, isWritten: true,
            format: "raw", part: .whole)
        try pool.snapshot(images: [pool.image(), disk])
        let used = try dataset.map {
            [Disk(target: "vdb", chain: ["/dev/zd0"], datasets: [[try DatasetName($0)]], format: "raw")]
        }
        let file = pool.host.disk("vda", "tank/VM/other.raw")
        let other = VirtualMachine(
            id: "other", name: "other", power: .running, disks: [file] + (used ?? []))
        pool.bench.has(pool.host.web(), other)
    }

    @Test("rolls back a volume that is the VM's alone, beside a file on a shared dataset that is copied")
    func volume() async throws {
        try await withPool { pool async throws in
            try addVolume(pool)
            let recorder = pool.recorder()
            #expect(await pool.restore(to: .inPlace) == .done, "\(pool.log.text)")
            #expect(try recorder.only.disks == ["old web01.raw"])
            #expect(try pool.pool.calls("rollback") == ["rollback tank/vol@daily"])
            #expect(
                pool.log.text.contains("also on its datasets: the VM other; so only tank/vol, its own, is rolled back"))
        }
    }

    @Test("is refused for a volume that another VM uses")
    func usedVolume() async throws {
        try await withPool { pool async throws in
            try addVolume(pool, otherOn: "tank/vol")
            #expect(await pool.restore(to: .inPlace) == .usage)
            #expect(pool.log.text.contains("the volume tank/vol is used by the VM other too"))
            #expect(try pool.pool.calls("rollback").isEmpty)
            #expect(pool.world.count("stop") == 0)
        }
    }

    @Test("keeps files and volumes of one time when something fails", arguments: [true, false])
    func volumeFails(isRollback: Bool) async throws {
        try await withPool { pool async throws in
            try addVolume(pool)
            _ = pool.recorder(fails: !isRollback)
            if isRollback { try pool.pool.fail("^rollback") }
            #expect(await pool.restore(to: .inPlace) == .needsRecovery)
            #expect(try text(pool.scratch, "tank/VM/web01.raw") == (isRollback ? "new web01.raw" : "old web01.raw"))
            let state = isRollback ? "Its disks are as they were before" : "rolled back to tank/vol@daily"
            #expect(pool.log.text.contains(state), "\(pool.log.text)")
        }
    }
}
