import Glibc
import HostFixtures
import Hypervisor
import Support
import Synchronization
import TestSupport
import Testing

@testable import Engine
@testable import Operator
@testable import RunState

@Suite("A VM that is restored in place", .serialized)
struct PowerOffTests {
    private func switchOff(_ pool: PoolBench) throws -> PowerOff {
        let hypervisor = FakeHypervisor.make(HypervisorSettings(name: "local", uri: pool.world.uri))
        return PowerOff(hypervisor: hypervisor, id: "id-of-web01", name: "web01", timeout: .milliseconds(600))
    }

    enum Stop: CaseIterable { case works, late, never, refused, unseen, refusedThoughOff }

    @Test("counts as off only when it is seen to be, whatever became of the call", arguments: Stop.allCases)
    func stops(stop: Stop) async throws {
        try await withPool { pool async throws in
            pool.bench.has(pool.host.web())
            let (world, off) = (pool.world, pool.host.web(power: .off))
            world.change { behaviour in
                let timedOut = HypervisorError(.timedOut, "no answer", remedy: .stop)
                switch stop {
                case .works: break
                case .late:
                    behaviour.stop = { _ in
                        startThread {
                            usleep(200_000)
                            world.change { $0.list = { [off] } }
                        }
                        throw timedOut
                    }
                case .never: behaviour.stop = { _ in throw timedOut }
                case .refused: behaviour.stop = { _ in throw refusal(.stop, "it does not die") }
                case .unseen: behaviour.looking = refusal(.retry, "libvirtd is gone")
                case .refusedThoughOff:
                    behaviour.list = { [off] }
                    behaviour.stop = { _ in throw refusal(.stop, "it does not die") }
                }
            }
            var code: RestoreError.Code?
            do {
                try await switchOff(pool).run()
            } catch let error as RestoreError {
                code = error.code
            }
            switch stop {
            case .works, .late, .refusedThoughOff: #expect(code == nil)
            case .refused: #expect(code == .undone)
            case .never, .unseen: #expect(code == .halfDone)
            }
        }
    }

    enum Failure: CaseIterable { case refused, timedOut, stillRuns }

    @Test("has no disk moved below it while it may run, and ends with exit code 3", arguments: Failure.allCases)
    func moves(failure: Failure) async throws {
        try await withPool { pool async throws in
            try pool.web(.quiesced)
            pool.bench.has(pool.host.web(), pool.host.web("other"))
            let world = pool.world
            world.change { behaviour in
                behaviour.restore = { _ in
                    if failure == .stillRuns {
                        world.change { $0.stop = { _ in throw refusal(.stop, "it does not die") } }
                        world.markStopped(nil)
                    }
                    throw HypervisorError(failure == .timedOut ? .timedOut : .callFailed, "no", remedy: .stop)
                }
            }
            #expect(await pool.restore(to: .inPlace) == .needsRecovery)
            let isBack = failure == .refused
            #expect(try text(pool.scratch, "tank/VM/web01.raw") == (isBack ? "new" : "old") + " web01.raw")
            #expect(pool.log.text.contains("may be running on its restored disks") != isBack, "\(pool.log.text)")
            let kept = try pool.scratch.names(in: "tank/VM").filter { $0.contains(".before-") }
            #expect(kept.isEmpty == isBack)
            for name in kept { #expect(pool.log.text.contains(name)) }
            #expect(try pool.pool.clones().isEmpty)
        }
    }

    @Test(
        "starts when the clones of its snapshots are gone, which its QEMU would keep, from files that are not on them")
    func clonesGone() async throws {
        try await withPool { pool async throws in
            try pool.web(.quiesced)
            let fake = pool.pool
            let seen = Mutex<[String]>([])
            pool.world.change {
                $0.stop = { _ in
                    let left = try fake.clones()
                    seen.withLock { $0 = left }
                }
                $0.restore = { request in
                    let content = try request.files.map { String(decoding: try readFile($0.path), as: UTF8.self) }
                    seen.withLock { $0 += content }
                    return VirtualMachine(id: "new", name: "web01", power: .running, disks: [])
                }
            }
            #expect(await pool.restore(to: .inPlace) == .done)
            #expect(seen.withLock { $0 } == ["variables"])
            #expect(try pool.scratch.names(in: "state/restores").isEmpty)
        }
    }

    @Test("is not made of what others than root can write, nor of a link", arguments: ["folder", "machine", "image"])
    func forged(what: String) async throws {
        try await withPool { pool async throws in
            try pool.web(.quiesced)
            _ = pool.recorder()
            let kept = "snapshots/tank/VM@daily/.stillpoint"
            switch what {
            case "folder": chmod("\(pool.scratch.path)/\(kept)", 0o777)
            case "machine": chmod("\(pool.scratch.path)/\(kept)/id-of-web01", 0o775)
            default:
                let shadow = try pool.scratch.write("shadow", "root's")
                pool.scratch.remove("snapshots/tank/VM@daily/web01.raw")
                try pool.scratch.link("snapshots/tank/VM@daily/web01.raw", to: shadow)
            }
            for target in [RestoreOptions.Target.inPlace, .clone("web02")] {
                #expect(await pool.restore(to: target) == .usage)
            }
            #expect(pool.log.text.contains(what == "image" ? "symbolic link" : "not used"), "\(pool.log.text)")
            #expect(try text(pool.scratch, "tank/VM/web01.raw") == "new web01.raw")
            #expect(try pool.leftByRestores == [])
        }
    }

    @Test(
        "resumes from RAM only where that is known to be of the snapshot's instant",
        arguments: [
            (Consistency.memory, nil, nil, true), (.memory, "web01=crash", nil, false), (.crash, nil, nil, false),
            (.crash, nil, true, true), (.crash, nil, true, false),
        ] as [(Consistency, String?, Bool?, Bool)])
    func memory(claim: Consistency, property: String?, until: Bool?, isUsed: Bool) async throws {
        try await withPool { pool async throws in
            try pool.web(isArchived: false)
            try pool.pool.remove("tank/VM@daily")
            var said = ["creation": "\((PoolBench.run.time ?? 0) + 5)"]
            said[SnapshotProperties.machinesKey] = property
            try pool.pool.add("tank/VM@daily", said)
            var dump = try pool.dump("web01", PoolBench.guestRAM)
            dump.usableUntil = until.map { _ in (PoolBench.run.time ?? 0) + (isUsed ? 6 : 5) }
            try pool.keep([keptMachine("web01", claim, dump: dump)])
            let recorder = pool.recorder()
            #expect(await pool.restore(to: .clone("web02")) == .done, "\(pool.log.text)")
            #expect(try (recorder.only.ram != nil) == isUsed)
            let listed = try await Listing(points: pool.points, zfs: pool.pool.command).machines(on: nil)
            #expect(listed.first?.consistency == (property == nil ? claim.rawValue : "crash"))
        }
    }
}
