import Glibc
import HostFixtures
import Hypervisor
import JSON
import Support
import TestSupport
import Testing
import ZFS

@testable import Engine
@testable import Operator
@testable import RunState

@Suite("stillpoint status")
struct StatusTests {
    private func report(_ bench: HookBench) throws -> StatusReport {
        try bench.operating.statusReport(try bench.configuration)
    }

    /// A run that began now, with what it holds.
    private func open(
        _ bench: HookBench, _ machines: [VMRecord], phase: Run.Phase = .frozen, id: RunID = .make(),
        _ change: (inout Run) -> Void = { _ in }
    ) throws -> RunID {
        try bench.directory.prepare()
        var run = try makeRun(id, machines: machines)
        run.phase = phase
        change(&run)
        try bench.directory.write(run)
        return run.id
    }

    private func held(_ name: String = "web01", _ state: FreezeState = someHold) throws -> VMRecord {
        var record = try makeRecord(name)
        record.phase = .frozen
        record.freezeState = state
        return record
    }

    /// Has the kernel's list say that a process holds the lock on a file of `state_dir`.
    private func lock(_ bench: HookBench, _ file: String, by process: Int32, _ words: [String]) throws {
        var status = stat()
        try #require(stat("\(bench.statePath)/\(file)", &status) == 0)
        let line = "1: FLOCK  ADVISORY  WRITE \(process) 08:01:\(status.st_ino) 0 EOF\n"
        try bench.scratch.write("proc/locks", line)
        try bench.scratch.write("proc/\(process)/cmdline", words.map { $0 + "\0" }.joined())
    }

    @Test("says that nothing is open where nothing is, and makes nothing")
    func nothing() async throws {
        try await withBench { bench, host async throws in
            #expect(try report(bench) == StatusReport(archive: StatusReport.Archive()))
            #expect(try report(bench).head == "no run is open\nno run is in the history\n")
            for json in [true, false] { #expect(await bench.operating.status(json: json) == .done) }
            #expect(access(bench.statePath, F_OK) != 0)
        }
    }

    @Test("asks neither a hypervisor nor zfs")
    func silent() async throws {
        try await withBench { bench, host async throws in
            _ = try open(bench, [held()], id: "20261121T110000Z-0000aa")
            bench.world.change { $0.list = { throw refusal(.stop, "nobody answers") } }
            #expect(await bench.operating.status(json: false) == .needsRecovery)
            #expect(bench.world.calls.isEmpty)
            #expect(access(bench.scratch.path + "/calls", F_OK) != 0)
        }
    }

    @Test("names who is at work on a run, and what is held by what")
    func owned() async throws {
        try await withBench { bench, host async throws in
            var frozen = FreezeState(step: .held, snapshot: "s", strategy: .freeze, disks: [], isThawPending: true)
            frozen.stoppedAt = unixMilliseconds() - 3000
            let id = try open(
                bench,
                [
                    held(), held("db", frozen),
                    held("mail", FreezeState(step: .held, snapshot: "s", strategy: .pause, disks: [])),
                    held("old", FreezeState(step: .held, snapshot: "s", strategy: .shutdown, disks: [])),
                    held("esx", FreezeState(step: .held, snapshot: "s", reference: "snapshot-1", disks: [])),
                    held("app", FreezeState(step: .held, snapshot: "s", strategy: .exec(path: "/a"), disks: [])),
                    makeRecord("free"),
                ], phase: .releasing)
            let lock = try #require(try bench.directory.lock(run: id, waiting: false))
            try self.lock(bench, "runs/\(id).lock", by: 4711, ["/usr/lib/stillpoint/post-snapshot", "tank/VM@daily"])
            let report = try report(bench)
            let run = try #require(report.runs.first)
            #expect(run.state == .owned && !run.needsRecovery && !report.needsRecovery)
            #expect(run.owner == StatusReport.Process(id: 4711, program: "post-snapshot"))
            #expect(
                run.machines.map(\.heldBy) == [
                    [.overlay], [.frozen], [.paused], [.off], [.serverSnapshot], [.program], [],
                ])
            #expect(run.machines[1].standingStillMilliseconds.map { 3000..<60_000 ~= $0 } == true)
            #expect(report.head.contains("post-snapshot (4711) is at work on it"))
            #expect(report.head.contains("7 VMs, 6 held"))
            #expect(report.head.contains("held: web01 (overlay), db (frozen for 3"))
            try self.lock(bench, "runs/\(id).lock", by: 4711, ["stillpoint", "restore", "x"])
            #expect(try self.report(bench).runs.first?.owner?.program == "stillpoint restore")
            withExtendedLifetime(lock) {}
            #expect(await bench.operating.status(json: true) == .done)
        }
    }

    @Test("says when the watchdog acts, and that a run without one is left")
    func watched() async throws {
        try await withBench { bench, host async throws in
            let id = try open(bench, [held()])
            var guardian = try bench.directory.lock(watchdogOf: id)
            try bench.scratch.write("proc/77/cmdline", "stillpoint-watchdog\0\(id)\05\0")
            try bench.scratch.write("proc/78/cmdline", "stillpoint-watchdog\0")
            var report = try report(bench)
            #expect(report.runs.first?.state == .watched && !report.needsRecovery)
            #expect(report.runs.first?.watchdog?.id == 77)
            #expect(report.runs.first?.watchdog?.actsInSeconds.map { 290...300 ~= $0 } == true)
            #expect(report.head.contains("its watchdog ends it in "))
            // Its release has failed, and is tried again.
            var run = try bench.directory.read(id)
            run.earlyRelease = EarlyRelease(began: Int64(time(nil)) - 60, reason: "max_hold")
            run.machines[0].phase = .failed
            try bench.directory.write(run)
            report = try self.report(bench)
            #expect(report.runs.first?.state == .ending && report.needsRecovery)
            #expect(
                report.head.contains("problem: its watchdog could not end it, and tries again; fix: stillpoint recover")
            )
            #expect(report.head.contains("problem: not released: web01 (overlay)"))
            #expect(guardian != nil)
            guardian = nil
            #expect(try self.report(bench).runs.first?.state == .abandoned)
        }
    }

    @Test("does not call a watchdog late that has just begun")
    func ending() async throws {
        try await withBench { bench, host async throws in
            let id = try open(bench, [held()]) {
                $0.earlyRelease = EarlyRelease(began: Int64(time(nil)), reason: "max_hold")
            }
            let guardian = try #require(try bench.directory.lock(watchdogOf: id))
            let report = try report(bench)
            #expect(report.runs.first?.state == .ending && !report.needsRecovery)
            #expect(report.runs.first?.watchdog?.actsInSeconds == nil)
            withExtendedLifetime(guardian) {}
        }
    }

    @Test("ends with 3 where something is left: a run, a restore half done, a file that nobody can read")
    func left() async throws {
        try await withBench { bench, host async throws in
            let id = try open(bench, [held()], id: "20261121T110000Z-0000aa")
            #expect(try report(bench).head.contains("problem: nobody is at work on it; fix: stillpoint recover\n"))
            #expect(await bench.operating.status(json: false) == .needsRecovery)
            try bench.directory.remove(id)
            #expect(await bench.operating.status(json: false) == .done)

            var record = try makeRecord("web01", on: ["tank/VM/db"])
            record.phase = .releasing
            try bench.directory.write(
                Run(
                    id: id, manager: Run.restoreManager, targets: [], recursiveTargets: [], snapshots: [],
                    phase: .freezing, machines: [record]))
            let restore = try report(bench)
            #expect(restore.runs.first?.datasets == ["tank/VM/db"] && restore.needsRecovery)
            #expect(restore.head.contains("the restore of web01 (\(id)) was killed half-way"))
            try bench.directory.remove(id)

            try bench.scratch.write("state/runs/\(id).json", "{", mode: 0o600)
            #expect(try report(bench).problems.count == 1)
            #expect(await bench.operating.status(json: false) == .needsRecovery)
            #expect(bench.log.lines.count == 1 && bench.log.text.contains("is damaged"))
        }
    }

    @Test("keeps names that others chose in their line")
    func hostile() async throws {
        try await withBench { bench, host async throws in
            let names = ["two\nlines", "\u{1B}[31mred", "\u{202E}gpj", "<script>", "a\"b{}"]
            _ = try open(bench, names.map { try held($0) }, id: "20261121T110000Z-0000aa")
            let report = try report(bench)
            #expect(report.head.split(separator: "\n").count == 5)
            #expect(!report.head.contains("\u{1B}") && !report.head.contains("\u{202E}"))
            #expect(report.runs[0].machines.map(\.vm) == names)
            let json = try StateFile.text(report)
            #expect(try JSON.decode(StatusReport.self, from: json) == report)
        }
    }

    @Test("names a dozen of a thousand VMs, and counts the others")
    func many() async throws {
        try await withBench { bench, host async throws in
            _ = try open(bench, (0..<1000).map { try held("vm\($0)") }, id: "20261121T110000Z-0000aa")
            let head = try report(bench).head
            #expect(head.contains("1000 VMs, 1000 held") && head.contains("vm11 (overlay) and 988 more\n"))
        }
    }

    @Test("shows of each dataset its last run, with the least that a VM got, and whether it came to its end")
    func lastRuns() async throws {
        try await withBench { bench, host async throws in
            try bench.directory.prepare()
            let history = RunHistory(bench.directory)
            func keep(_ id: RunID, _ machines: [VMRecord], _ outcome: HistoryEntry.Outcome = .released) throws {
                try history.append(try makeRun(id, machines: machines), outcome)
            }
            var silent = try makeRecord("db", .crash)
            silent.fallbacks = [.init(strategy: .quiesce, reason: "no answer", code: .agentSilent)]
            try keep("20261120T110000Z-0000aa", [makeRecord("web01", on: ["tank/other"], .memory)])
            try keep("20261121T110000Z-0000aa", [makeRecord("web01"), silent])
            try keep("20261121T120000Z-0000aa", [makeRecord("web01"), silent], .open)
            try keep("20261121T120000Z-0000aa", [makeRecord("web01"), silent])
            try keep("20261122T110000Z-0000aa", [makeRecord("x", on: ["tank/undone"], nil)], .undone)
            let report = try report(bench)
            #expect(report.datasets.map(\.dataset) == ["tank/VM", "tank/other", "tank/undone"])
            #expect(report.datasets.map(\.outcome) == [.released, .released, .undone])
            #expect(report.datasets.map(\.consistency) == [.crash, .memory, nil])
            #expect(report.datasets.map(\.fellBack) == [1, 0, 0])
            #expect(report.datasets[0].machines == 2 && report.datasets[0].snapshot == "daily")
            #expect(report.datasets[0].run == "20261121T120000Z-0000aa")
            let lines = report.table.text.split(separator: "\n").map { $0.split(separator: "  ").map { $0.trimmed() } }
            #expect(lines[0] == ["DATASET", "LAST RUN", "AGE", "VMS", "LOWEST", "FELL BACK", "OUTCOME", "SNAPSHOT"])
            #expect(
                lines[1][1] == "2026-11-21 12:00:00Z"
                    && Array(lines[1][3...]) == ["2", "crash", "1", "released", "daily"])
            #expect(Array(lines[3][3...]) == ["1", "-", "0", "undone", "daily"])
        }
    }

    @Test("shows what waits for cold storage, why it waits, and how far the one has come that is being moved")
    func archive() async throws {
        try await withPool { pool async throws in
            #expect(try report(pool.bench).archive == StatusReport.Archive())
            var waiting = try pool.dump("db")
            waiting.problem = "cold_storage is full"
            try pool.keep([keptMachine("web01", dump: pool.dump()), keptMachine("db", dump: waiting)])
            try pool.catalogue.markForArchive(PoolBench.run)
            var archive = try report(pool.bench).archive
            #expect(archive.waiting == 2 && archive.waitingBytes == 40_000 && archive.moving == nil)
            #expect(archive.problems == ["db: cold_storage is full"])
            #expect(
                try report(pool.bench).head.contains("archive: 2 RAM dumps, 39.1K, not in cold storage yet\n    nobody")
            )

            let lock = try pool.catalogue.lockForArchive()
            try self.lock(pool.bench, "restore-points/lock", by: 4712, ["stillpoint", "archive"])
            #expect(try report(pool.bench).archive.moving == nil)
            try pool.scratch.link("proc/4712/fd/7", to: "\(pool.scratch.path)/ram/web01.ram")
            try pool.scratch.write("proc/4712/fdinfo/7", "pos:\t5000\nflags:\t0100000\n")
            archive = try report(pool.bench).archive
            #expect(
                archive.moving?.vm == "web01" && archive.moving?.bytesDone == 5000 && archive.moving?.bytes == 20_000)
            #expect(try report(pool.bench).head.contains("process 4712 moves that of web01: 25 %, 4.9K of 19.5K"))
            withExtendedLifetime(lock) {}
            // It waits, but nothing is lost, nor in anybody's way.
            #expect(await pool.operating.status(json: true) == .done)
        }
    }

    @Test("sees how far a real process has come with a real file", .timeLimit(.minutes(1)))
    func position() async throws {
        try await withPool { pool async throws in
            try pool.keep([keptMachine("web01", dump: pool.dump())])
            try pool.catalogue.markForArchive(PoolBench.run)
            let lock = try pool.catalogue.lockForArchive()
            let file = Glibc.open("\(pool.scratch.path)/ram/web01.ram", O_RDONLY)
            defer { close(file) }
            var bytes = [UInt8](repeating: 0, count: 1000)
            try #require(read(file, &bytes, 1000) == 1000)
            let moving = ArchiveProgress(catalogue: pool.catalogue, proc: "/proc").report().moving
            #expect(moving?.process == getpid() && moving?.bytesDone == 1000)
            withExtendedLifetime(lock) {}
        }
    }
}
