import HostFixtures
import Hypervisor
import SnapshotManagers
import Synchronization
import TestSupport
import Testing
import ZFS

@testable import Engine
@testable import RunState

@Suite("A hypervisor that cannot be asked")
struct ManyHypervisorsTests {
    private static let failures: [HypervisorError] = [
        HypervisorError(.misconfigured, "ca_file = /gone cannot be read", remedy: .stop),
        HypervisorError(.unreachable, "nothing answers", remedy: .fallBack),
        HypervisorError(.timedOut, "no answer in time", remedy: .stop),
    ]

    private func withTwo(
        _ general: String = "", _ body: (HookBench, HostFixture, FakeWorld) async throws -> Void
    ) async throws {
        let uri = "fake://second-\(UInt64.random(in: 0 ... .max))"
        let second = FakeWorld(uri: uri, stateDirectory: "/nonexistent")
        defer { second.forget() }
        try await withBench(general: general, sections: "[hypervisor second]\nkind = fake\nuri = \(uri)") {
            try await body($0, $1, second)
        }
    }

    @Test("is not asked where it is not enabled, and released where it was when the run began")
    func disabled() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            #expect(await bench.run(.pre) == .done)
            let before = bench.world.calls.count
            try bench.reconfigure { text in
                "[hypervisor local]\nenabled = no" + text.dropFirst("[hypervisor local]".count)
            }
            #expect(await bench.run(.pre, ["tank/quiet@daily"]) == .done)
            #expect(await bench.run(.pre, ["--dry-run", "tank/VM@daily"]) == .done)
            #expect(bench.log.text.contains("[hypervisor local] is not enabled: its VMs are not touched"))
            #expect(bench.world.calls.count == before)
            #expect(await bench.run(.post) == .done)
            #expect(bench.world.calls.last == "release id-of-web01")
            #expect(try bench.openRuns().isEmpty)
        }
    }

    @Test("is not asked where it is not enabled, and the others are")
    func oneDisabled() async throws {
        let uri = "fake://disabled-\(UInt64.random(in: 0 ... .max))"
        let second = FakeWorld(uri: uri, stateDirectory: "/nonexistent")
        defer { second.forget() }
        let section = "[hypervisor second]\nkind = fake\nenabled = no\nuri = \(uri)"
        try await withBench(general: "on_failure = abort", sections: section) { bench, host async throws in
            bench.has(host.web())
            second.change { $0.list = { throw Self.failures[1] } }
            try bench.scratch.write("tank/VM/.stillpoint/of-another/machine.json", "{}")
            #expect(await bench.run(.pre) == .done)
            #expect(second.calls == [] && bench.world.count("freeze") == 1)
            // It may be a VM of the other one.
            #expect(try bench.scratch.names(in: "tank/VM/.stillpoint").contains("of-another"))
        }
    }

    @Test("costs its own VMs alone, and is named", arguments: failures)
    func costsItsOwn(failure: HypervisorError) async throws {
        try await withTwo { bench, host, second async throws in
            bench.has(host.web())
            second.change { $0.list = { throw failure } }
            #expect(await bench.run(.pre) == .done)
            #expect(try bench.onlyRecord().consistency == .quiesced)
            #expect(bench.log.lines.contains { $0.hasPrefix("warning: [hypervisor second]: its VMs are not touched") })
            #expect(await bench.run(.post) == .done)
        }
    }

    @Test("keeps the snapshot from being taken where none is wanted then", arguments: failures)
    func abort(failure: HypervisorError) async throws {
        try await withTwo("on_failure = abort") { bench, host, second async throws in
            bench.has(host.web())
            second.change { $0.list = { throw failure } }
            #expect(await bench.run(.pre) == .failed)
            #expect(try bench.openRuns().isEmpty)
        }
    }

    @Test("does not have a VM that it runs be called crash for a definition that a migration left behind")
    func leftBehind() async throws {
        try await withTwo { bench, host, second async throws in
            let web = host.web()
            bench.has(web)
            let left = VirtualMachine(id: web.id, name: web.name, power: .off, disks: web.disks)
            second.change { $0.list = { [left] } }
            #expect(await bench.run(.pre) == .done)
            #expect(try bench.onlyRecord().consistency == .quiesced)
            #expect(await bench.run(.post) == .done)
            // Another VM's, or one on other disks, is what it is.
            let other = VirtualMachine(id: "other", name: "other", power: .off, disks: web.disks)
            second.change { $0.list = { [other] } }
            #expect(await bench.run(.pre) == .done)
            #expect(try bench.openRuns().flatMap(\.machines).map(\.consistency) == [.quiesced, .crash])
        }
    }

    @Test("is a wrong configuration where there is no other")
    func alone() async throws {
        try await withBench { bench, _ async throws in
            bench.world.change { $0.list = { throw Self.failures[0] } }
            #expect(await bench.run(.pre) == .usage)
        }
    }

    @Test("for a moment is asked again")
    func restarting() async throws {
        try await withBench { bench, host async throws in
            let machine = host.web()
            let failures = Mutex(2)
            bench.world.change { behaviour in
                behaviour.list = {
                    let mustFail = failures.withLock { left in
                        left -= 1
                        return left >= 0
                    }
                    if mustFail { throw HypervisorError(.unreachable, "connection refused", remedy: .retry) }
                    return [machine]
                }
            }
            #expect(await bench.run(.pre) == .done)
            #expect(try bench.onlyRecord().consistency == .quiesced)
        }
    }
}

@Suite("Runs of two managers on one dataset")
struct TwoManagersTests {
    @Test("do not end each other while they hold nothing", arguments: [true, false])
    func live(isOther: Bool) async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web("idle", power: .off))
            #expect(await bench.run(.pre) == .done)
            let first = try #require(try bench.openRuns().first)
            let zrepl = [
                "ZREPL_HOOKTYPE": "pre_snapshot", "ZREPL_FS": "tank/VM", "ZREPL_SNAPNAME": "zrepl_1",
                "ZREPL_TIMEOUT": "30", "ZREPL_DRYRUN": "",
            ]
            #expect(
                await bench.run(.pre, isOther ? [] : ["tank/VM@hourly"], environment: isOther ? zrepl : [:]) == .done)
            #expect(try bench.openRuns().contains { $0.id == first.id } == isOther)
            guard isOther else { return }
            #expect(await bench.run(.post) == .done)
            #expect(try bench.zfs.stored().contains("tank/VM@daily stillpoint:consistency=off"))
        }
    }
}

@Suite("A post-snapshot that must go before it is done")
struct LeavingPostTests {
    @Test("has told the state file the snapshots' names, and that nobody waits for it")
    func named() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            await bench.run(.pre, ["tank/VM@other"])
            bench.world.change { $0.release = { _, _ in try await Task.sleep(for: .seconds(60)) } }
            _ = await bench.run(.post, ["--deadline", "10", "tank/VM@daily"])
            let run = try #require(try bench.openRuns().first)
            #expect(run.snapshots.map(\.name) == ["other", "daily"])
            #expect(run.phase == .releasing)
        }
    }
}
