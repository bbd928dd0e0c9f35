import HostFixtures
import Hypervisor
import TestSupport
import Testing

@testable import Engine
@testable import Operator
@testable import RunState

@Suite("Restoring from a replica", .serialized)
struct ReplicaRestoreTests {
    /// backup/copy and backup/copy/db were received from tank/VM and tank/VM/db, whose pool is not here.
    private func receive(_ pool: PoolBench, hasCatalogue: Bool) async throws {
        let images = [try pool.image(), try pool.image("db.raw", on: "tank/VM/db")]
        let dump = try pool.dump("web01", PoolBench.guestRAM)
        try pool.snapshot("tank/VM@daily", images: images)
        try pool.snapshot("tank/VM/db@daily", images: images)
        try pool.archived(
            keptMachine(on: ["tank/VM", "tank/VM/db"], dump: dump), in: ["tank/VM@daily", "tank/VM/db@daily"])
        if !hasCatalogue { try becomeReceiver(pool) }
        try pool.scratch.folder("snapshots/backup")
        try pool.scratch.folder("snapshots/backup/copy")
        for (from, to) in [("tank/VM@daily", "backup/copy@daily"), ("tank/VM/db@daily", "backup/copy/db@daily")] {
            try pool.scratch.link("snapshots/\(to)", to: "\(pool.scratch.path)/snapshots/\(from)")
            try pool.pool.add(to, guid: FakePool.guid(of: from))
        }
        for name in ["backup", "backup/copy", "backup/copy/db"] { try pool.pool.add(name) }
        for name in ["tank", "tank/VM", "tank/VM/db", "tank/VM@daily", "tank/VM/db@daily", "tank/other"] {
            try pool.pool.remove(name)
        }
    }

    /// From now on this is another host, which has imported the sender's key.
    private func becomeReceiver(_ pool: PoolBench, trusts: Bool = true) throws {
        let key = try pool.catalogue.seals.exported(host: "sender")
        pool.scratch.remove("state")
        try pool.bench.directory.prepare()
        if trusts { _ = try pool.catalogue.seals.trust(key) }
    }

    @Test("is refused where the sender's key was not imported")
    func untrusted() async throws {
        try await withPool { pool async throws in
            try await receive(pool, hasCatalogue: true)
            try becomeReceiver(pool, trusts: false)
            let recorder = pool.recorder()
            #expect(await pool.restore("backup/copy@daily", to: .clone("web01")) == .usage)
            #expect(pool.log.text.contains("it is sealed with another host's key"), "\(pool.log.text)")
            #expect(recorder.seen.isEmpty)
            #expect(try pool.leftByRestores == [])
        }
    }

    @Test("brings the VM up with disks and RAM, whatever the datasets are called", arguments: [true, false])
    func restored(hasCatalogue: Bool) async throws {
        try await withPool { pool async throws in
            try await receive(pool, hasCatalogue: hasCatalogue)
            let recorder = pool.recorder()
            #expect(await pool.restore("backup/copy@daily", to: .clone("web01")) == .done, "\(pool.log.text)")
            #expect(try recorder.only.disks.sorted() == ["old db.raw", "old web01.raw"])
            #expect(try recorder.only.ram == PoolBench.guestRAM)
            #expect(try pool.pool.clones().sorted() == ["backup/copy/web01-db", "backup/web01"])
        }
    }

    @Test("needs nothing but the replica for the disks")
    func disksAlone() async throws {
        try await withPool { pool async throws in
            try await receive(pool, hasCatalogue: false)
            for name in ["backup/copy", "backup/copy/db"] { try pool.pool.remove("\(name)@daily") }
            // Where nothing is known of the run, the dataset's name must tell which one it is a copy of.
            for (from, to) in [("VM", "backup/VM"), ("VM/db", "backup/VM/db")] {
                try pool.scratch.folder("snapshots/\(to.split(separator: "/").dropLast().joined(separator: "/"))")
                try pool.scratch.link("snapshots/\(to)@daily", to: "\(pool.scratch.path)/snapshots/tank/\(from)@daily")
                try pool.pool.add(to)
                try pool.pool.add("\(to)@daily", guid: "1\(to.count)")
            }
            let recorder = pool.recorder()
            #expect(await pool.restore("backup/VM@daily", to: .clone("web01")) == .done, "\(pool.log.text)")
            #expect(try recorder.only.disks.sorted() == ["old db.raw", "old web01.raw"])
            #expect(try recorder.only.ram == nil)
        }
    }

    @Test("is refused in place, and where nothing says what a dataset is a copy of")
    func refused() async throws {
        try await withPool { pool async throws in
            try await receive(pool, hasCatalogue: true)
            #expect(await pool.restore("backup/copy@daily", to: .inPlace) == .usage)
            #expect(pool.log.text.contains("is a copy of another dataset's snapshot"))
            #expect(try pool.leftByRestores == [])
            try becomeReceiver(pool)
            pool.scratch.remove("cold")
            #expect(await pool.restore("backup/copy@daily", to: .clone("web01")) == .usage)
            #expect(pool.log.text.contains("nothing says of which"))
            #expect(try pool.pool.clones().isEmpty)
            #expect(pool.world.count("stop") == 0)
        }
    }
}
