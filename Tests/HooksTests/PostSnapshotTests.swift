import Glibc
import HostFixtures
import Hypervisor
import SnapshotManagers
import Synchronization
import TestSupport
import Testing

@testable import Engine
@testable import RunState

@Suite("post-snapshot")
struct PostSnapshotTests {
    @Test("releases every VM, marks the snapshot and leaves no state file")
    func releases() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web(), host.web("idle", power: .off))
            await bench.run(.pre)
            let run = try #require(try bench.openRuns().first)
            #expect(await bench.run(.post) == .done)
            #expect(try bench.openRuns().isEmpty)
            #expect(bench.world.count("release") == 1)
            #expect(
                try bench.zfs.stored() == [
                    "tank/VM@daily stillpoint:consistency=off", "tank/VM@daily stillpoint:vms=idle=off,web01=quiesced",
                    "tank/VM@daily stillpoint:run=\(run.id)",
                ])
            #expect(bench.log.lines.contains("info: web01: quiesced, 2 of 2 file systems frozen for 40 ms"))
            let left = try bench.scratch.names(in: "state/runs")
            #expect(left.isEmpty, "\(left)")
        }
    }

    @Test("has nothing to do without a run")
    func nothing() async throws {
        try await withBench { bench, _ async throws in
            #expect(await bench.run(.post) == .done)
            #expect(bench.world.calls.isEmpty)
            #expect(access(bench.statePath, F_OK) != 0)
        }
    }

    @Test("does not touch the run of another dataset")
    func otherDataset() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            await bench.run(.pre)
            #expect(await bench.run(.post, ["tank/other@daily"]) == .done)
            #expect(bench.world.count("release") == 0)
            let runs = try bench.openRuns()
            #expect(runs.count == 1)
        }
    }

    @Test("tries a release again that may go through")
    func retry() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            await bench.run(.pre)
            let failures = Mutex(2)
            bench.world.change { behaviour in
                behaviour.release = { _, record in
                    let mustFail = failures.withLock { left in
                        left -= 1
                        return left >= 0
                    }
                    if mustFail { throw refusal(.retry, "the lock is taken") }
                    try await record(nil)
                }
            }
            #expect(await bench.run(.post) == .done)
            #expect(bench.world.count("release") == 3)
            #expect(try bench.openRuns().isEmpty)
            #expect(bench.log.lines.count { $0 == "warning: web01: the lock is taken; trying again" } == 2)
        }
    }

    @Test("says how a VM was released where that was not the usual way")
    func notes() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            await bench.run(.pre)
            bench.world.change { $0.releaseNotes = ["vda: the VM was off"] }
            #expect(await bench.run(.post) == .done)
            #expect(bench.log.text.contains("(vda: the VM was off)"))
        }
    }

    @Test("does not try again what somebody must decide, and a second post ends the run")
    func stop() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web(), host.web("web02"))
            await bench.run(.pre)
            let release = bench.world.behaviour.release
            bench.world.change { behaviour in
                behaviour.release = { request, record in
                    if request.machineID == "id-of-web01" { throw refusal(.stop, "it migrated away") }
                    try await release(request, record)
                }
            }
            #expect(await bench.run(.post) == .needsRecovery)
            #expect(bench.world.count("release id-of-web01") == 1)
            let records = try bench.openRuns().flatMap(\.machines)
            #expect(records.filter { $0.freezeState != nil }.map(\.name) == ["web01"])
            #expect(records.map(\.phase) == [.failed, .released])
            #expect(bench.log.text.contains("web01: not released: it migrated away"))
            #expect(!bench.log.text.contains("web01: quiesced"))
            #expect(bench.log.lines.contains { $0.hasPrefix("info: web02: quiesced") })
            #expect(bench.log.lines.contains { $0.hasPrefix("error: ") && $0.contains("is still open, with web01; ") })

            bench.world.change { $0.release = release }
            #expect(await bench.run(.post) == .done)
            #expect(bench.world.count("release id-of-web02") == 1)
            #expect(try bench.openRuns().isEmpty)
        }
    }

    @Test("says nothing of a VM of which all was said, and what is new of another", arguments: [true, false])
    func repetition(isNew: Bool) async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web(), host.web("idle", power: .off))
            bench.world.change { $0.freeze = { _, _ in throw refusal(.fallBack, "the guest has no agent") } }
            await bench.run(.pre)
            let pre = bench.log.lines
            #expect(pre.contains("warning: web01: crash-consistent only (quiesce: the guest has no agent)"))
            if isNew { bench.world.change { $0.looking = refusal(.stop, "no answer") } }
            #expect(await bench.run(.post) == .done)
            let post = bench.log.lines.dropFirst(pre.count)
            #expect(!post.contains { $0.contains("web01") })
            #expect(post.contains { $0.hasPrefix("info: idle: crash-consistent only (it was off before") } == isNew)
        }
    }

    @Test("says once of a VM that is to be crash-consistent that it is, and does not warn of it")
    func configured() async throws {
        try await withBench(general: "strategy = crash-consistent\n") { bench, host async throws in
            bench.has(host.web())
            await bench.run(.pre)
            #expect(await bench.run(.post) == .done)
            #expect(bench.log.lines.filter { $0.contains("web01") } == ["info: web01: crash-consistent only"])
        }
    }

    @Test("gives up a release after three attempts")
    func exhausted() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            await bench.run(.pre)
            bench.world.change { $0.release = { _, _ in throw refusal(.retry) } }
            #expect(await bench.run(.post) == .needsRecovery)
            #expect(bench.world.count("release") == 3)
            #expect(try bench.onlyRecord().phase == .failed)
        }
    }

    @Test("does not spin over a back end that says neither yes nor no")
    func silent() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            await bench.run(.pre)
            bench.world.change { $0.release = { _, _ in } }
            #expect(await bench.run(.post) == .needsRecovery)
            #expect(bench.world.count("release") == 1)
            #expect(try bench.onlyRecord().freezeState != nil)
        }
    }

    @Test("exits at the manager's time-out and leaves the rest to the run's watchdog", arguments: [true, false])
    func hangs(isGuarded: Bool) async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web(), host.web("db"))
            await bench.run(.pre)
            let run = try #require(try bench.openRuns().first)
            bench.world.change {
                $0.release = { request, record in
                    if request.machineID == host.web().id { try await Task.sleep(for: .seconds(60)) }
                    try await record(nil)
                }
            }
            let lock = isGuarded ? try bench.directory.lock(watchdogOf: run.id) : nil
            let begin = ContinuousClock.now
            let code = await bench.run(.post, ["--deadline", "10", "tank/VM@daily"])
            #expect(begin.duration(to: .now) < .seconds(20))
            #expect(code == (isGuarded ? .done : .needsRecovery))
            #expect(
                bench.log.lines.contains(
                    isGuarded
                        ? "warning: the manager waits no longer for the run \(run.id); its watchdog continues with: web01"
                        : "error: the manager waits no longer for the run \(run.id), and it has no watchdog (No such file or "
                            + "directory): stillpoint recover --run \(run.id)"))
            #expect(bench.log.lines.contains { $0.hasPrefix("info: web01: quiesced") })
            let left = try #require(try bench.openRuns().first)
            #expect(left.phase == .releasing)
            #expect(left.machines.map { $0.freezeState == nil } == [false, true])
            #expect(try bench.zfs.stored().contains("tank/VM@daily stillpoint:vms=db=quiesced,web01=quiesced"))
            withExtendedLifetime(lock) {}
        }
    }

    @Test("reads all at once where many were off")
    func manyIdle() async throws {
        try await withBench { bench, _ async throws in
            let idle = try (1...5).map { try datastoreMachine("idle\($0)", power: .off) }
            bench.world.change { $0.list = { idle } }
            await bench.run(.pre)
            let looks = bench.world.calls.count
            let now = [try datastoreMachine("idle1")] + idle.dropFirst().dropLast()
            bench.world.change { $0.list = { now } }
            #expect(await bench.run(.post) == .done)
            #expect(bench.world.calls.dropFirst(looks) == ["list"])
            let said = try bench.zfs.stored()
            #expect(
                said.contains(
                    "tank/VM@daily stillpoint:vms=idle1=crash:vm-changed,idle2=off,idle3=off,idle4=off,idle5=off"))
        }
    }

    @Test("reports as crash-consistent a VM that was started before the snapshot")
    func started() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web(power: .off))
            await bench.run(.pre)
            #expect(try bench.onlyRecord().consistency == .off)
            bench.has(host.web())
            #expect(await bench.run(.post) == .done)
            #expect(try bench.zfs.stored().contains("tank/VM@daily stillpoint:vms=web01=crash:vm-changed"))
            #expect(bench.log.text.contains("it was started between pre-snapshot and post-snapshot"))
        }
    }

    @Test("only says what it would do in a dry run")
    func dryRun() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            await bench.run(.pre)
            #expect(await bench.run(.post, ["--dry-run", "tank/VM@daily"]) == .done)
            #expect(bench.world.count("release") == 0)
            #expect(try bench.openRuns().count == 1)
            #expect(bench.log.text.contains("would release web01"))
        }
    }

    @Test("marks the snapshot that was really made, whatever pre was told")
    func renamed() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            await bench.run(.pre, ["tank/VM@other"])
            #expect(await bench.run(.post) == .done)
            #expect(try bench.zfs.stored().contains("tank/VM@daily stillpoint:consistency=quiesced"))
            #expect(try bench.openRuns().isEmpty)
        }
    }

    @Test("releases though the snapshot cannot be marked")
    func unmarked() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            await bench.run(.pre, ["tank/VM@gone"])
            #expect(await bench.run(.post, ["tank/VM@gone"]) == .failed)
            #expect(try bench.openRuns().isEmpty)
            #expect(bench.log.text.contains("no snapshot was taken (tank/VM@gone)"))
        }
    }

    @Test("asks for recovery where a state file cannot be read, and leaves the file")
    func damaged() async throws {
        try await withBench { bench, _ async throws in
            try bench.scratch.write("state/runs/20261121T110000Z-000000.json", "{\"format\": 1,")
            #expect(await bench.run(.post) == .needsRecovery)
            #expect(try bench.directory.openRunIDs().count == 1)
            #expect(bench.log.text.contains("is damaged"))
        }
    }

    @Test("asks for recovery where the hypervisor is not in the configuration any more")
    func gone() async throws {
        try await withBench { bench, _ async throws in
            var record = try makeRecord("web01")
            record = record.moved(to: "elsewhere")
            record.freezeState = someHold
            try bench.directory.prepare()
            try bench.directory.write(makeRun("20261121T110000Z-000000", machines: [record]))
            #expect(await bench.run(.post) == .needsRecovery)
            #expect(bench.log.text.contains("[hypervisor elsewhere]"))
            #expect(try bench.onlyRecord().freezeState == someHold)
        }
    }
}

extension VMRecord {
    /// The same VM under another hypervisor.
    fileprivate func moved(to hypervisor: String) -> VMRecord {
        VMRecord(hypervisor: hypervisor, id: id, name: name, datasets: datasets, notes: notes)
    }
}
