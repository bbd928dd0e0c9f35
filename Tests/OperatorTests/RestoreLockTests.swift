import HostFixtures
import Hypervisor
import SnapshotManagers
import Synchronization
import TestSupport
import Testing
import ZFS

@testable import Engine
@testable import Operator
@testable import RunState
@testable import Support

@Suite("A restore and the hooks", .serialized)
struct RestoreLockTests {
    enum Open: CaseIterable { case sameDataset, parent, machine, otherDataset }

    @Test("a restore in place is refused while a run on its dataset or with its VM is open", arguments: Open.allCases)
    func openRun(open: Open) async throws {
        try await withPool { pool async throws in
            try pool.web(.quiesced)
            let run =
                switch open {
                case .sameDataset: try makeRun(PoolBench.run)
                case .parent: try makeRun(PoolBench.run, targets: ["tank"], recursive: ["tank"])
                case .machine: try makeRun(PoolBench.run, targets: ["tank/other"], machines: [makeRecord("web01")])
                case .otherDataset: try makeRun(PoolBench.run, targets: ["tank/other"])
                }
            try pool.bench.directory.write(run)
            let code = await pool.restore(to: .inPlace)
            #expect(code == (open == .otherDataset ? .done : .usage))
            #expect(pool.world.count("stop") == (open == .otherDataset ? 1 : 0))
            #expect(try pool.bench.directory.openRunIDs() == [PoolBench.run])
            #expect(try pool.pool.clones().isEmpty)
        }
    }

    @Test(
        "a restore that is refused says how to be rid of the run that is open",
        arguments: [
            (Run.Phase.frozen, false, "wait for post-snapshot, or call it"),
            (.releasing, false, "stillpoint recover --run \(PoolBench.run)"),
            (.released, false, "stillpoint recover --run \(PoolBench.run)"),
            (.frozen, true, "stillpoint recover --run \(PoolBench.run)"),
        ])
    func wayOut(phase: Run.Phase, isEarly: Bool, said: String) async throws {
        try await withPool { pool async throws in
            try pool.web(.quiesced)
            var run = try makeRun(PoolBench.run)
            run.phase = phase
            if isEarly { run.earlyRelease = EarlyRelease(began: 1, reason: "max_hold") }
            try pool.bench.directory.write(run)
            #expect(await pool.restore(to: .inPlace) == .usage)
            #expect(pool.log.text.contains(said), "\(pool.log.text)")
        }
    }

    @Test(
        "a clone that is there says by which commands it is removed",
        arguments: [
            ("libvirt", "qemu:///system", true, ": virsh destroy 'a b'; virsh undefine --nvram 'a b';"),
            ("libvirt", "qemu:///system", false, ": virsh undefine --nvram 'a b';"),
            (
                "libvirt", "qemu+ssh://root@kvm1/system", true,
                ": virsh -c qemu+ssh://root@kvm1/system destroy 'a b'; virsh -c qemu+ssh://root@kvm1/system undefine --nvram 'a b';"
            ),
            ("vsphere", "https://vc", true, ", switch it off and undefine it, then:"),
        ])
    func removal(kind: String, uri: String, runs: Bool, said: String) {
        #expect(removing("a b", from: HypervisorSettings(name: "x", kind: kind, uri: uri), runs: runs) == said)
    }

    @Test("a clone needs no claim: it is made while a run is open")
    func clone() async throws {
        try await withPool { pool async throws in
            try pool.web(.quiesced)
            try pool.bench.directory.write(makeRun(PoolBench.run))
            #expect(await pool.restore(to: .clone("web02")) == .done)
        }
    }

    @Test("a second restore at the same time is refused, and the first one continues")
    func second() async throws {
        try await withPool { pool async throws in
            try pool.web(.quiesced)
            let claim = try RestoreLock(
                VMRecord(
                    hypervisor: "local", id: "id-of-web01", name: "web01", datasets: [DatasetName("tank/VM")]),
                in: pool.bench.directory)
            #expect(await pool.restore(to: .inPlace) == .usage)
            #expect(pool.log.text.contains("another restore of it is running"))
            #expect(try pool.bench.directory.openRunIDs().count == 1)
            try claim.end()
            #expect(await pool.restore(to: .inPlace) == .done)
            #expect(try pool.leftByRestores == [])
        }
    }

    @Test("two restores of the same RAM at once do not share a copy")
    func sameRAM() async throws {
        try await withPool { pool async throws in
            try pool.web()
            let lock = try FileLock(path: "\(pool.scratch.path)/ram/restore-id-of-web01-\(PoolBench.run).ram.lock")
            #expect(await pool.restore(to: .clone("web02")) == .usage)
            #expect(pool.log.text.contains("another restore of the same RAM"))
            withExtendedLifetime(lock) {}
        }
    }

    private func leaveClaim(_ pool: PoolBench) throws -> RunID {
        let id: RunID = "20200101T000000Z-000000"
        try pool.bench.directory.prepare()
        try pool.bench.directory.write(
            Run(
                id: id, manager: Run.restoreManager, targets: [], recursiveTargets: [], snapshots: [],
                phase: .freezing, machines: [makeRecord("web01", nil)]))
        return id
    }

    @Test("what a killed restore left is cleaned up by the next one, and holds up no hook")
    func abandoned() async throws {
        try await withPool { pool async throws in
            try pool.web(.quiesced)
            _ = try leaveClaim(pool)
            #expect(await pool.bench.run(.pre) == .done)
            #expect(pool.world.count("freeze") == 1)
            #expect(await pool.bench.run(.post) == .done)
            #expect(await pool.restore(to: .inPlace) { $0.destroyNewer = true } == .done, "\(pool.log.text)")
            #expect(try pool.leftByRestores == [])
        }
    }

    @Test("pre-snapshot leaves a VM alone that is being restored, also while it is off", arguments: [true, false])
    func preMeanwhile(isRunning: Bool) async throws {
        try await withPool { pool async throws in
            pool.bench.has(pool.host.web(power: isRunning ? .running : .off))
            let id = try leaveClaim(pool)
            let lock = try pool.bench.directory.lock(run: id, waiting: false)
            #expect(await pool.bench.run(.pre, ["--deadline", "10", "tank/VM@daily"]) == .done)
            let record = try #require(try pool.bench.openRuns().last { $0.id != id }?.machines.first)
            #expect(record.consistency == .crash)
            #expect(record.fallbacks.map(\.reason) == ["it is being restored"])
            #expect(pool.world.count("freeze") == 0)
            #expect(pool.world.kept.isEmpty)
            try pool.pool.add("tank/VM@daily")
            // Post ends its own run and not the claim.
            #expect(await pool.bench.run(.post) == .done)
            #expect(try pool.bench.directory.openRunIDs() == [id])
            withExtendedLifetime(lock) {}
        }
    }

    @Test("recover does not take a claim for a run to be released, and reports a state file that is damaged")
    func recover() async throws {
        try await withPool { pool async throws in
            _ = try leaveClaim(pool)
            #expect(await pool.operating.recover() == .done)
            try pool.scratch.write("state/runs/20260101T000000Z-000000.json", "{")
            #expect(await pool.operating.recover() == .needsRecovery)
            #expect(pool.log.text.contains("is damaged"))
        }
    }
}
