import Glibc
import HostFixtures
import Hypervisor
import Support
import TestSupport
import Testing
import ZFS

@testable import Engine
@testable import Operator
@testable import RunState

@Suite("metrics_file")
struct MetricsFileTests {
    private static let general = "metrics_file = SCRATCH/prom/stillpoint.prom\ncold_storage = SCRATCH/cold"

    /// A bench on which one run of one VM has ended a moment ago.
    private func withRun(_ body: (PoolBench) async throws -> Void) async throws {
        try await withPool(general: Self.general) { pool async throws in
            try pool.scratch.folder("prom")
            try pool.bench.directory.prepare()
            try add(pool)
            try await body(pool)
        }
    }

    private func add(_ pool: PoolBench, run: RunID = .make()) throws {
        var entry = HistoryEntry(
            run: run, manager: "sanoid", outcome: .released, hypervisor: "local", id: "1", name: "web01",
            datasets: [try DatasetName("tank/VM")], consistency: .quiesced)
        entry.frozenMilliseconds = 92
        try RunHistory(pool.bench.directory).append([entry], on: RunHistory.day(of: run))
    }

    private func published(_ pool: PoolBench) throws -> String { try text(pool.scratch, "prom/stillpoint.prom") }

    private func runs(_ pool: PoolBench) throws -> String? {
        try published(pool).split(separator: "\n").first {
            $0.hasPrefix("stillpoint_runs_total{outcome=\"released\"} ")
        }
        .map { String($0.split(separator: " ")[1]) }
    }

    @Test("is written whole, for every user to read, with nothing beside it")
    func written() async throws {
        try await withRun { pool async throws in
            let mask = umask(0o077)
            defer { umask(mask) }
            #expect(await pool.operating.metrics(isPrinted: false) == .done)
            #expect(try pool.scratch.names(in: "prom") == ["stillpoint.prom"])
            #expect(try pool.scratch.mode("prom/stillpoint.prom") == 0o644)
            #expect(try pool.scratch.mode("state/metrics.json") == 0o600)
            #expect(try runs(pool) == "1")
            #expect(try published(pool).hasSuffix("\n"))
        }
    }

    @Test("counts nothing twice: written again, after a crash before or after it was published, and by two at once")
    func twice() async throws {
        try await withRun { pool async throws in
            let file = MetricsFile(try pool.bench.configuration, pool.bench.context())
            try file.write()
            let first = try text(pool.scratch, "state/metrics.json")
            try file.write()
            #expect(try runs(pool) == "1")
            try add(pool)
            try file.write()
            #expect(try runs(pool) == "2")
            // As if it had been killed before the state was replaced.
            try pool.scratch.write("state/metrics.json", first, mode: 0o600)
            try file.write()
            #expect(try runs(pool) == "2")
            try add(pool)
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<4 { group.addTask { try? file.write() } }
            }
            #expect(try runs(pool) == "3")
        }
    }

    @Test("says who is at it, where that takes long")
    func locked() async throws {
        try await withRun { pool async throws in
            let lock = try #require(try FileLock(path: pool.bench.statePath + "/metrics.lock"))
            let file = MetricsFile(
                try pool.bench.configuration, pool.bench.context(), now: 0, lockTimeout: .milliseconds(10))
            let error = lock.withLock { #expect(throws: MetricsError.self) { try file.write() } }
            #expect(error?.description.contains("metrics.lock") == true)
            #expect(try pool.scratch.names(in: "prom").isEmpty)
        }
    }

    @Test(
        "begins its counters anew where what was kept is damaged, and says so",
        arguments: ["", "{\"format\": 1", "[]", "{}", #"{"format": 1, "frozen": {"counts": [], "milliseconds": 0}}"#])
    func damaged(_ content: String) async throws {
        try await withRun { pool async throws in
            try pool.scratch.write("state/metrics.json", content, mode: 0o600)
            #expect(await pool.operating.metrics(isPrinted: false) == .done)
            #expect(pool.log.text.contains("warning: \(pool.bench.statePath)/metrics.json"))
            #expect(pool.log.text.contains("counters begin anew"))
            #expect(try runs(pool) == "0")
            #expect(try published(pool).contains("stillpoint_vm_consistency{vm=\"web01\""))
            try add(pool)
            #expect(await pool.operating.metrics(isPrinted: false) == .done)
            #expect(try runs(pool) == "1")
        }
    }

    @Test("is not written where a newer version has kept what was counted, which stays as it is")
    func newer() async throws {
        try await withRun { pool async throws in
            try pool.scratch.write("state/metrics.json", #"{"format": 99}"#, mode: 0o600)
            #expect(await pool.operating.metrics(isPrinted: false) == .failed)
            #expect(pool.log.text.contains("format 99"))
            #expect(try text(pool.scratch, "state/metrics.json") == #"{"format": 99}"#)
        }
    }

    @Test("is not there where its folder is missing, which is said; what was counted is kept")
    func missingFolder() async throws {
        try await withRun { pool async throws in
            pool.scratch.remove("prom")
            #expect(await pool.operating.metrics(isPrinted: false) == .failed)
            let folder = "\(pool.scratch.path)/prom"
            #expect(pool.log.text.contains("there is no folder \(folder); make it, or correct metrics_file"))
            #expect(!pool.has("prom"))
            try pool.scratch.folder("prom")
            #expect(await pool.operating.metrics(isPrinted: false) == .done)
            #expect(try runs(pool) == "1")
        }
    }

    @Test("says what is wrong with a place where it cannot be", arguments: ["/proc", "/dev/null", "/etc/passwd"])
    func impossible(_ folder: String) async throws {
        try await withPool(general: "metrics_file = \(folder)/stillpoint.prom") { pool async throws in
            #expect(await pool.operating.metrics(isPrinted: false) == .failed)
            #expect(pool.log.text.contains("the metrics cannot be written to \(folder)/stillpoint.prom: "))
        }
    }

    @Test(
        "is not put in the place of a file that node_exporter does not read",
        arguments: ["passwd", "stillpoint.prom.tmp"])
    func otherName(_ name: String) async throws {
        try await withPool(general: "metrics_file = SCRATCH/prom/\(name)") { pool async throws in
            try pool.scratch.write("prom/\(name)", "root")
            #expect(await pool.operating.metrics(isPrinted: false) == .failed)
            #expect(pool.log.text.contains("names that end in .prom"))
            #expect(try text(pool.scratch, "prom/\(name)") == "root")
        }
    }

    @Test("takes the place of a symbolic link, and of one in its temporary's place, and leaves alone what they lead to")
    func links() async throws {
        try await withRun { pool async throws in
            let target = try pool.scratch.write("elsewhere/passwd", "root", mode: 0o600)
            let before = Canary(pool.scratch.path + "/elsewhere")
            for name in ["stillpoint.prom", "stillpoint.prom.tmp"] {
                try pool.scratch.link("prom/\(name)", to: target)
            }
            #expect(await pool.operating.metrics(isPrinted: false) == .done)
            #expect(Canary(pool.scratch.path + "/elsewhere") == before)
            #expect(try runs(pool) == "1")
            #expect(try pool.scratch.names(in: "prom") == ["stillpoint.prom"])
        }
    }

    @Test(
        "follows no symbolic link of another user's to its folder",
        .enabled(if: geteuid() == 0, "only root can give files away"))
    func strangersFolder() async throws {
        try await withRun { pool async throws in
            let path = pool.scratch.path
            pool.scratch.remove("prom")
            try pool.scratch.folder("elsewhere")
            try pool.scratch.folder("theirs")
            try pool.scratch.link("theirs/prom", to: path + "/elsewhere")
            try pool.scratch.giveAway("theirs")
            try pool.scratch.giveAway("theirs/prom")
            let config = try text(pool.scratch, "stillpoint.conf")
            try pool.bench.reconfigure { _ in
                config.split(separator: "\n", omittingEmptySubsequences: false).map { line in
                    line.hasPrefix("metrics_file") ? "metrics_file = \(path)/theirs/prom/stillpoint.prom" : String(line)
                }.joined(separator: "\n")
            }
            #expect(await pool.operating.metrics(isPrinted: false) == .failed)
            #expect(pool.log.text.contains("a symbolic link that another user can change"))
            #expect(try pool.scratch.names(in: "elsewhere").isEmpty)
        }
    }

    @Test(
        "never leads to anywhere else while its folder's owner exchanges it for a link",
        .enabled(if: geteuid() == 0, "only root can give files away"))
    func exchanged() async throws {
        try await withRun { pool async throws in
            let target = try pool.scratch.write("elsewhere/passwd", "root", mode: 0o600)
            let before = Canary(pool.scratch.path + "/elsewhere")
            let file = try pool.scratch.write("prom/stillpoint.prom.tmp", "")
            try pool.scratch.giveAway("prom")
            let folder = try Folder(pool.scratch.path + "/prom")
            let outcome = Exchange(file, forLinkTo: target).during {
                try folder.publish(Array("metrics\n".utf8), as: "stillpoint.prom")
            }
            #expect(outcome.successes + outcome.failures > 0)
            #expect(Canary(pool.scratch.path + "/elsewhere") == before)
        }
    }

    @Test("tells of open and abandoned runs, and of what waits for cold storage")
    func state() async throws {
        try await withRun { pool async throws in
            let old: RunID = "20200101T000000Z-000001"
            for run in [old, .young] {
                try pool.bench.directory.write(
                    Run(
                        id: run, manager: "sanoid", targets: [], recursiveTargets: [], snapshots: [], phase: .frozen,
                        machines: []))
            }
            try pool.scratch.write("state/runs/20200101T000000Z-000002.json", "damaged", mode: 0o600)
            try pool.keep([keptMachine(dump: pool.dump()), keptMachine("two", dump: pool.dump("two", "12345"))])
            try pool.catalogue.markForArchive(PoolBench.run)
            #expect(await pool.operating.metrics(isPrinted: false) == .done)
            let lines = try published(pool).split(separator: "\n").map(String.init)
            for line in [
                "stillpoint_open_runs 3", "stillpoint_abandoned_runs 2",
                "stillpoint_oldest_open_run_timestamp_seconds 1577836800", "stillpoint_archive_backlog_runs 1",
                "stillpoint_archive_backlog_bytes 20005",
            ] {
                #expect(lines.contains(line), "\(line)")
            }
        }
    }

    @Test("is not asked for without the key: the command says how to see the metrics, and a run writes nothing")
    func unset() async throws {
        try await withPool(general: "") { pool async throws in
            try MetricsFile(try pool.bench.configuration, pool.bench.context()).write()
            #expect(!pool.has("state"))
            #expect(await pool.operating.metrics(isPrinted: false) == .usage)
            #expect(pool.log.text.contains("metrics_file is not set"))
            let text = try MetricsFile(try pool.bench.configuration, pool.bench.context()).text()
            #expect(text.contains("stillpoint_build_info{version=\"\(stillpointVersion)\"} 1\n"))
            #expect(!pool.has("state"))
        }
    }
}
