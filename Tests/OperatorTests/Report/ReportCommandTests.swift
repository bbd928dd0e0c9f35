import Glibc
import HostFixtures
import Hypervisor
import RunState
import SnapshotManagers
import Support
import TestSupport
import Testing
import ZFS

@testable import Engine
@testable import Operator

@Suite("stillpoint report")
struct ReportCommandTests {
    private func report(_ bench: HookBench, _ name: String = "page.html", days: Int = 365, dataset: String? = nil)
        async -> ExitCode
    {
        await bench.operating.report(html: "\(bench.scratch.path)/\(name)", days: days, dataset: dataset)
    }

    private func page(_ bench: HookBench, _ name: String = "page.html") throws -> String {
        String(decoding: try readFile("\(bench.scratch.path)/\(name)"), as: UTF8.self)
    }

    @Test("shows what real hooks left, and what zfs says of their snapshots")
    func hooks() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web(), host.web("db"))
            #expect(await bench.run(.pre) == .done)
            let run = try #require(try bench.openRuns().first)
            #expect(await report(bench, "open.html") == .done)
            #expect(try page(bench, "open.html").contains("stillpoint recover --run \(run.id)"))
            #expect(await bench.run(.post) == .done)
            let stored = String(decoding: try readFile(bench.scratch.path + "/stored"), as: UTF8.self)
            try bench.scratch.write("stored", stored + "tank/VM@daily stillpoint:evidence=db=ext4:dirty\n")
            #expect(await report(bench, dataset: "tank/VM") == .done)
            let page = try page(bench)
            #expect(
                page.contains("<bdi>web01</bdi>") && page.contains("<bdi>db</bdi>")
                    && page.contains("<bdi>tank/VM</bdi>")
            )
            #expect(page.contains("evidence dirty") && !page.contains("recover --run"))
        }
    }

    @Test("takes the restore points of what was before the history began, and no run twice")
    func before() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            #expect(await bench.run(.pre) == .done)
            #expect(await bench.run(.post) == .done)
            let catalogue = Catalogue(bench.directory)
            let known = try #require(catalogue.runs.first)
            let stamp = utcText(Int64(time(nil)) - 3 * 86400).filter { $0 != "-" && $0 != ":" }
            let old = try #require(RunID("\(stamp)-00000a"))
            let machine = RestorePointVM(
                hypervisor: "local", id: "old", name: "old-one", datasets: [try DatasetName("tank/VM")],
                consistency: .crash, notes: ["quiesce: no agent"])
            try catalogue.write(RestorePoint(run: old, manager: "sanoid", snapshots: [], machines: [machine]))
            #expect(await report(bench) == .done)
            let page = try page(bench)
            #expect(page.contains("<bdi>old-one</bdi>") && page.contains("<small>2 runs</small>") && known > old)
            #expect(page.contains("not recorded"))
            #expect(await report(bench, days: 2) == .done)
            #expect(try !self.page(bench).contains("old-one"))
            unlink("\(bench.statePath)/history/\(RunHistory.day(of: known)).tsv")
            #expect(await report(bench) == .done)
            #expect(try self.page(bench).contains("<small>2 runs</small>"))
        }
    }

    @Test("does without zfs, and says so of a dataset that there is not")
    func withoutZFS() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            #expect(await bench.run(.pre) == .done)
            #expect(await bench.run(.post) == .done)
            try bench.scratch.write("bin/zfs", "#!/bin/sh\necho no pools >&2\nexit 1\n", mode: 0o755)
            #expect(await report(bench) == .done)
            #expect(try page(bench).contains("<bdi>web01</bdi>"))
            unlink(bench.scratch.path + "/bin/zfs")
            #expect(await report(bench, dataset: "tank/VM") == .done)
        }
        try await withBench { bench, host async throws in
            #expect(await report(bench, dataset: "tank/none") == .usage)
            #expect(await report(bench, dataset: "/tank") == .usage)
            #expect(await report(bench, dataset: "tank/quiet") == .done)
            #expect(await report(bench) == .done)
        }
    }

    @Test("replaces a file whole, and keeps its mode")
    func replaced() async throws {
        try await withBench { bench, _ async throws in
            let path = try bench.scratch.write("page.html", "old", mode: 0o640)
            #expect(await report(bench) == .done)
            #expect(try page(bench).hasPrefix("<!DOCTYPE html>"))
            var status = stat()
            #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o640)
            #expect(try bench.scratch.names(in: ".").allSatisfy { !$0.hasSuffix(".tmp") })
        }
    }

    @Test(
        "writes to no folder, device or link, and into no folder that is not there",
        arguments: ["link", "none/page.html", "fifo"])
    func refused(_ name: String) async throws {
        try await withBench { bench, _ async throws in
            try bench.scratch.write("target", "kept")
            try bench.scratch.link("link", to: bench.scratch.path + "/target")
            try #require(mkfifo(bench.scratch.path + "/fifo", 0o600) == 0)
            #expect(await report(bench, name) == .usage)
            #expect(bench.log.lines.count == 1)
            #expect(try page(bench, "target") == "kept")
        }
    }

    @Test(
        "writes to no folder, however that is written, and says how to name a file in it",
        arguments: [
            "sub", "sub/", "sub//", "sub/.", "sub/./", "sub/..", "sub/../", ".", "./", "..", "none/", "link-to-sub/",
            "//",
        ])
    func folder(_ name: String) async throws {
        try await withBench { bench, _ async throws in
            try bench.scratch.folder("sub")
            try bench.scratch.link("link-to-sub", to: bench.scratch.path + "/sub")
            let before = try bench.scratch.names(in: ".")
            #expect(await report(bench, name) == .usage)
            #expect(bench.log.text.contains("folder; name a file in it: ") && bench.log.text.contains("/report.html"))
            #expect(try bench.scratch.names(in: ".") == before && bench.scratch.names(in: "sub").isEmpty)
        }
    }
}
