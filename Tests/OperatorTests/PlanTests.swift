import Configuration
import Glibc
import HostFixtures
import Hypervisor
import TestSupport
import Testing

@testable import Engine
@testable import Operator
@testable import RunState

@Suite("stillpoint plan")
struct PlanTests {
    private func plan(
        _ bench: HookBench, _ dataset: String = "tank/VM", recursive: Bool = false, types: [String] = [],
        json: Bool = false
    ) async -> ExitCode {
        await bench.operating.plan(PlanOptions(dataset: dataset, recursive: recursive, types: types, json: json))
    }

    @Test("asks for the VMs and does nothing else")
    func nothing() async throws {
        try await withBench(sections: "[vm db]\nstrategy = ignore") { bench, host async throws in
            bench.has(host.web(), host.web("db"), host.web("idle", power: .off))
            for json in [false, true] { #expect(await plan(bench, json: json) == .done) }
            #expect(bench.world.calls == ["list", "list"])
            #expect(access(bench.statePath, F_OK) != 0)
            #expect(try bench.zfs.calls().allSatisfy { $0.hasPrefix("list ") })
        }
    }

    /// A VM that is on an overlay of that run now.
    private func stuck(_ host: HostFixture) -> VirtualMachine {
        var disk = host.disk("vda", "overlays/o.qcow2", "tank/VM/web01.raw")
        disk.overlay = DiskOverlay(path: "/o/web01.stillpoint.qcow2", run: Self.run.text)
        return host.machine("web01", power: .running, disk)
    }

    private static let run: RunID = "20200101T000000Z-000001"

    @Test(
        "says of a VM that is on an overlay what comes first, or that it is stale",
        arguments: [
            (true, "after the run 20200101T000000Z-000001 is ended, which the next pre-snapshot does: quiesce"),
            (
                false,
                "stale: it is on an overlay of the run 20200101T000000Z-000001, of which there is no state file; "
                    + "fix: stillpoint recover --adopt"
            ),
        ])
    func overlay(isKnown: Bool, expected: String) async throws {
        try await withBench { bench, host async throws in
            let machine = stuck(host)
            if isKnown {
                var record = try makeRecord("web01")
                record.freezeState = someHold
                try bench.directory.prepare()
                try bench.directory.write(try makeRun(Self.run, machines: [record]))
            }
            let configuration = try bench.configuration
            let planner = Planner(
                scope: try host.scope(["tank/VM"], configuration), storage: try host.storage(),
                configuration: configuration)
            let hypervisor = FakeHypervisor(HypervisorSettings(name: "local", uri: bench.world.uri))
            let planned = planner.survey([machine], of: hypervisor)
            let runs = try OverlayRuns(in: bench.directory, maxHold: configuration.maxHold)
            let survey = ObstacleSurvey(maxParallel: 2, ramDirectory: configuration.ramDirectory)
            let answers = await survey.ask(planned, overlayRuns: runs)
            let entry = planner.entry(of: try #require(planned.first), answers[planned[0].key], runs)
            #expect(entry.paragraph.contains("expected:   \(expected)\n"), "\(entry.paragraph)")
            #expect((entry.waitsFor != nil) == isKnown)
            #expect(entry.dryRunLines.contains("web01: expected now: \(expected)"))
        }
    }

    @Test(
        "refuses a dataset that there is not, what can be none, and what can be no type",
        arguments: [
            ("tank/none", []), ("tank/VM@daily", []), ("/tank", []), ("", []), ("tank/VM", [""]), ("tank/VM", ["a b"]),
            ("tank/VM", ["a,,b"]), ("tank/VM", ["a\n"]),
        ] as [(String, [String])])
    func refused(dataset: String, types: [String]) async throws {
        try await withBench { bench, host async throws in
            #expect(await plan(bench, dataset, types: types) == .usage)
            #expect(bench.log.lines.count == 1 && bench.world.calls.isEmpty)
        }
    }

    @Test("names a hypervisor that does not answer, shows the others' VMs, and fails")
    func silent() async throws {
        try await withBench { bench, host async throws in
            bench.world.change { $0.list = { throw refusal(.stop, "nobody answers") } }
            #expect(await plan(bench) == .failed)
            #expect(bench.log.lines.contains("error: nobody answers"))
        }
    }

    @Test("says which VMs may be concerned, which hypervisor is not asked, and that of several types one counts")
    func remarks() async throws {
        let sections = "[hypervisor vc]\nkind = vsphere\nurl = https://SCRATCH/x\nusername = a\nenabled = no"
        try await withBench(sections: sections) { bench, host async throws in
            let lost = VirtualMachine(id: "2", name: "lost", power: .off, disks: [], unresolved: ["vda has no pool"])
            bench.world.change { $0.list = { [lost] } }
            #expect(await plan(bench, types: ["daily,hourly", "daily"]) == .done)
            #expect(
                bench.log.lines == [
                    "warning: lost may have a disk on what is snapshotted and is not touched: vda has no pool",
                    "info: one freeze serves all types of the call (daily, hourly): what promises most counts",
                    "info: [hypervisor vc] is not enabled: its VMs are not touched",
                ])
        }
    }
}
