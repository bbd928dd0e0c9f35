import Glibc
import HostFixtures
import Hypervisor
import TestSupport
import Testing

@testable import Engine
@testable import Operator

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
