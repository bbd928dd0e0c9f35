import Glibc
import HostFixtures
import Hypervisor
import TestSupport
import Testing

@testable import Engine
@testable import Operator

@Suite("Restoring in place on a dataset of somebody else's", .serialized)
struct FileRestorationAttackTests {
    /// A VM whose image lies in a folder of its dataset, which another VM uses too.
    private func shared(_ pool: PoolBench) throws {
        try pool.snapshot(images: [pool.image("images/web01.raw")])
        try pool.scratch.write("tank/VM/images/web01.raw", "new", mode: 0o600)
        try pool.keep([keptMachine("web01", .quiesced)])
        // With a second disk, by which it is known to be the VM of that dataset whatever becomes of the first.
        try pool.scratch.write("tank/VM/data.raw", "data")
        let disks = [
            pool.host.disk("vda", "tank/VM/images/web01.raw"), pool.host.disk("vdb", "tank/VM/data.raw"),
        ]
        pool.bench.has(
            VirtualMachine(id: "id-of-web01", name: "web01", power: .running, disks: disks), pool.host.web("other"))
        try pool.scratch.write("etc/web01.raw", "root's", mode: 0o600)
    }

    /// What its owner puts in the place of the image, or of its folder.
    enum Trap: CaseIterable { case linkedFolder, folder, fileAsFolder, fifo }

    private func set(_ trap: Trap, _ pool: PoolBench) throws {
        let images = pool.scratch.path + "/tank/VM/images"
        switch trap {
        case .linkedFolder, .fileAsFolder:
            try #require(rename(images, images + ".away") == 0)
            if trap == .fileAsFolder {
                try pool.scratch.write("tank/VM/images", "")
            } else {
                try pool.scratch.link("tank/VM/images", to: pool.scratch.path + "/etc")
            }
        case .folder, .fifo:
            try #require(unlink(images + "/web01.raw") == 0)
            if trap == .fifo {
                try #require(mkfifo(images + "/web01.raw", 0o600) == 0)
            } else {
                try pool.scratch.folder("tank/VM/images/web01.raw")
            }
        }
    }

    @Test("is refused before the VM is stopped, and touches nothing elsewhere", arguments: Trap.allCases)
    func refused(trap: Trap) async throws {
        try await withPool { pool async throws in
            try shared(pool)
            try set(trap, pool)
            let canary = Canary(pool.scratch.path + "/etc")
            let dataset = Canary(pool.scratch.path + "/tank/VM")
            #expect(await pool.restore(to: .inPlace) == .usage, "\(pool.log.text)")
            #expect(pool.log.text.contains(pool.scratch.path + "/tank/VM/images/web01.raw"))
            #expect(pool.world.count("stop") == 0)
            #expect(Canary(pool.scratch.path + "/etc") == canary)
            #expect(Canary(pool.scratch.path + "/tank/VM") == dataset)
            #expect(try pool.leftByRestores == [])
        }
    }

    @Test("puts a link in the image's place aside and never writes through it")
    func link() async throws {
        try await withPool { pool async throws in
            try shared(pool)
            try #require(unlink(pool.scratch.path + "/tank/VM/images/web01.raw") == 0)
            try pool.scratch.link("tank/VM/images/web01.raw", to: pool.scratch.path + "/etc/web01.raw")
            let canary = Canary(pool.scratch.path + "/etc")
            #expect(await pool.restore(to: .inPlace) == .done, "\(pool.log.text)")
            #expect(try text(pool.scratch, "tank/VM/images/web01.raw") == "old images/web01.raw")
            #expect(Canary(pool.scratch.path + "/etc") == canary)
        }
    }

    @Test(
        "carries no bit that runs or lends rights, and gives to nobody what the present image does not",
        arguments: [(0o6755, 0o4711, 0o600), (0o7777, 0o7777, 0o666), (0o644, 0o600, 0o600), (0o600, 0o666, 0o600)])
    func modes(then: mode_t, now: mode_t, expected: mode_t) async throws {
        try await withPool { pool async throws in
            try shared(pool)
            chmod(pool.scratch.path + "/snapshots/tank/VM@daily/images/web01.raw", then)
            let image = try pool.scratch.giveAway("tank/VM/images/web01.raw")
            chmod(image, now)
            #expect(await pool.restore(to: .inPlace) == .done, "\(pool.log.text)")
            #expect(try text(pool.scratch, "tank/VM/images/web01.raw") == "old images/web01.raw")
            #expect(try pool.scratch.mode("tank/VM/images/web01.raw") == expected)
            var status = stat()
            try #require(stat(image, &status) == 0)
            #expect(status.st_uid == stranger)
        }
    }
}
