import Glibc
import HostFixtures
import Hypervisor
import SnapshotManagers
import Synchronization
import TestSupport
import Testing

@testable import Engine
@testable import RunState

@Suite("A run whose snapshot was never taken")
struct UntakenTests {
    @Test("claims nothing, and post says so by its exit code")
    func named() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            await bench.run(.pre, ["tank/VM@none"])
            #expect(await bench.run(.post, ["tank/VM@none"]) == .failed)
            #expect(try bench.openRuns().isEmpty)
            #expect(bench.world.count("release") == 1)
            #expect(try bench.zfs.stored().isEmpty)
            #expect(!bench.log.lines.contains { $0.contains("quiesced") }, "\(bench.log.lines)")
            #expect(bench.log.lines.contains { $0.hasPrefix("error: no snapshot was taken (tank/VM@none)") })
        }
    }

    @Test("counts no VM as fallen back that was to be crash-consistent")
    func configured() async throws {
        let section = "[vm plain]\nstrategy = crash-consistent"
        try await withBench(sections: section) { bench, host async throws in
            bench.has(host.web(), host.web("plain"))
            await bench.run(.pre, ["tank/VM@none"])
            #expect(await bench.run(.post, ["tank/VM@none"]) == .failed)
            let history = RunHistory(bench.directory)
            let kept = history.entries(on: try #require(history.days.first))
            #expect(kept.map(\.outcome) == [.untaken, .untaken] && kept.map(\.consistency) == [nil, nil])
            #expect(
                Set(kept.map { "\($0.name) \($0.shortfall?.rawValue ?? "-")" }) == ["web01 no-snapshot", "plain -"])
        }
    }

    /// - Returns: the file that takes the RAM.
    private func freezesWithRAM(_ bench: HookBench) throws -> String {
        let dump = try bench.scratch.write("web01.mem", "RAM")
        bench.world.change { behaviour in
            behaviour.freeze = { request, record in
                try await FakeWorld.freezeState(request, record)
                return FreezeResult(
                    consistency: .memory, frozenFileSystems: 0, listedFileSystems: 0, frozenFor: .zero,
                    ramDump: RAMDump(path: dump, bytes: 3), pausedFor: .milliseconds(1))
            }
        }
        return dump
    }

    @Test("deletes the RAM that was dumped for it, and leaves no restore point")
    func memory() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            let dump = try freezesWithRAM(bench)
            await bench.run(.pre, ["tank/VM@none"])
            #expect(await bench.run(.post, ["tank/VM@none"]) == .failed)
            #expect(try readFile(dump).isEmpty)
            #expect(try bench.scratch.names(in: "state/restore-points").isEmpty)
        }
    }

    @Test(
        "of datasets without a snapshot's name has the one that was taken while the VMs were held",
        arguments: [true, false])
    func unnamed(isTaken: Bool) async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            if !isTaken { try bench.scratch.write("existing", "tank\ntank/VM\n") }
            await bench.run(.pre, ["tank/VM"])
            #expect(await bench.run(.post, ["tank/VM"]) == (isTaken ? .done : .failed))
            #expect(try bench.zfs.stored().contains("tank/VM@daily stillpoint:consistency=quiesced") == isTaken)
        }
    }

    @Test("of datasets without a name leaves out what others take when the release has begun")
    func foreign() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            let scratch = bench.scratch
            bench.world.change { behaviour in
                behaviour.release = { _, record in
                    try scratch.write("existing", "tank/VM\ntank/VM@daily\ntank/VM@foreign\n")
                    try await record(nil)
                }
            }
            await bench.run(.pre, ["tank/VM"])
            #expect(await bench.run(.post, ["tank/VM"]) == .done)
            #expect(try bench.zfs.stored().contains("tank/VM@daily stillpoint:vms=web01=quiesced"))
            #expect(try !bench.zfs.stored().contains { $0.hasPrefix("tank/VM@foreign") })
        }
    }

    @Test("of datasets without a name, and of which nothing was taken, claims nothing of what others take later")
    func onlyForeign() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            let scratch = bench.scratch
            try scratch.write("existing", "tank/VM\n")
            bench.world.change { behaviour in
                behaviour.release = { _, record in
                    try scratch.write("existing", "tank/VM\ntank/VM@foreign\n")
                    try await record(nil)
                }
            }
            await bench.run(.pre, ["tank/VM"])
            #expect(await bench.run(.post, ["tank/VM"]) == .failed)
            #expect(try bench.zfs.stored().isEmpty)
        }
    }

    @Test("of datasets without a name claims nothing where zfs does not say what was taken, and keeps the RAM")
    func unnamedAndSilent() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            let dump = try freezesWithRAM(bench)
            await bench.run(.pre, ["tank/VM"])
            try bench.scratch.write("bin/zfs", "#!/bin/sh\nkill -9 $$\n", mode: 0o755)
            #expect(await bench.run(.post, ["tank/VM"]) == .done)
            #expect(bench.log.lines.contains { $0.hasPrefix("info: web01: crash-consistent only") })
            #expect(try !readFile(dump).isEmpty)
            #expect(bench.world.count("release") == 1)
        }
    }

    @Test("of datasets without a name begins to count when the second is over in which its VMs came to rest")
    func nextSecond() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            let frozen = Mutex<Int64>(0)
            bench.world.change { behaviour in
                behaviour.freeze = { request, record in
                    frozen.withLock { $0 = Int64(time(nil)) }
                    try await FakeWorld.freezeState(request, record)
                    return FreezeResult(
                        consistency: .quiesced, frozenFileSystems: 1, listedFileSystems: 1, frozenFor: .milliseconds(1))
                }
            }
            await bench.run(.pre, ["tank/VM"])
            let since = try #require(try bench.openRuns().first?.frozenAt)
            #expect(since > frozen.withLock { $0 })
            #expect(Int64(time(nil)) >= since)
        }
    }

    @Test("of datasets without a name does not take one that is older for its own")
    func older() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            try bench.scratch.write("creation", "1000000000")
            await bench.run(.pre, ["tank/VM"])
            #expect(await bench.run(.post, ["tank/VM"]) == .failed)
            #expect(try bench.zfs.stored().isEmpty)
        }
    }

    @Test("of a parent alone claims nothing for VMs on its children, and is no failure")
    func parentAlone() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web(), host.machine("db", host.disk("vda", "tank/VM/db/db.raw")))
            try bench.scratch.write("existing", "tank\ntank/VM\ntank/VM@daily\ntank/VM/db\n")
            await bench.run(.pre, ["-r", "tank/VM@daily"])
            #expect(await bench.run(.post) == .done)
            #expect(try bench.zfs.stored().contains("tank/VM@daily stillpoint:vms=web01=quiesced"))
            let line = "info: db: crash-consistent only, 2 of 2 file systems frozen for 40 ms "
            #expect(bench.log.lines.contains(line + "(no snapshot was taken of what its disks are on)"))
        }
    }

    @Test("keeps all, its RAM too, where its dataset is not there, as while its pool is not imported")
    func poolIsAway() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            let dump = try freezesWithRAM(bench)
            await bench.run(.pre)
            try bench.scratch.write("existing", "")
            #expect(await bench.run(.post) == .done)
            #expect(try !readFile(dump).isEmpty)
            #expect(try bench.scratch.names(in: "state/restore-points").count == 1)
            #expect(bench.log.text.contains("snapshots of tank/VM, which is not there: its pool is not imported"))
            #expect(!bench.log.text.contains("no snapshot was taken") && !bench.log.text.contains("none of the"))
        }
    }

    @Test("keeps all where zfs does not answer")
    func silence() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            await bench.run(.pre)
            try bench.scratch.write("bin/zfs", "#!/bin/sh\nkill -9 $$\n", mode: 0o755)
            #expect(await bench.run(.post) == .done)
            #expect(bench.log.lines.contains { $0.hasPrefix("info: web01: quiesced") })
        }
    }
}

@Suite("A freeze that is refused for a moment")
struct RepeatedFreezeTests {
    @Test("is tried again")
    func again() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            let failures = Mutex(2)
            bench.world.change { behaviour in
                behaviour.freeze = { request, record in
                    let mustFail = failures.withLock { left in
                        left -= 1
                        return left >= 0
                    }
                    if mustFail { throw refusal(.retry, "connection refused") }
                    try await FakeWorld.freezeState(request, record)
                    return FreezeResult(
                        consistency: .quiesced, frozenFileSystems: 1, listedFileSystems: 1, frozenFor: .zero)
                }
            }
            #expect(await bench.run(.pre) == .done)
            #expect(try bench.openRuns().first?.machines.first?.consistency == .quiesced)
            #expect(bench.world.count("freeze") == 3)
        }
    }

    @Test("is given up while the manager still waits")
    func ends() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            bench.world.change { $0.freeze = { _, _ in throw refusal(.retry, "connection refused") } }
            let start = ContinuousClock.now
            #expect(await bench.run(.pre, ["--deadline", "16", "tank/VM@daily"]) == .done)
            #expect(ContinuousClock.now - start < .seconds(16))
            #expect(try bench.openRuns().first?.machines.first?.consistency == .crash)
        }
    }

    @Test("claims nothing for a snapshot that was there before the freeze, though it is of the same second")
    func sameSecond() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            try host.scratch.write("before", "tank/VM@daily\n")
            #expect(await bench.run(.pre) == .done)
            #expect(bench.log.text.contains("there already: tank/VM@daily;"))
            #expect(try bench.openRuns()[0].existing == ["1234"])
            #expect(await bench.run(.post) == .failed)
            #expect(try bench.zfs.stored().isEmpty)
            #expect(bench.log.lines.contains { $0.hasPrefix("error: no snapshot was taken (tank/VM@daily)") })
        }
    }

    @Test("claims what is so for a snapshot that has taken the place of one of its name, in the same second")
    func replaced() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            try host.scratch.write("before", "tank/VM@daily\n")
            await bench.run(.pre)
            try host.scratch.write("new-guid", "5678")
            #expect(await bench.run(.post) == .done)
            #expect(try bench.zfs.stored().contains("tank/VM@daily stillpoint:consistency=quiesced"))
        }
    }
}
