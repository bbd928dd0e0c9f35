import HostFixtures
import Hypervisor
import SnapshotManagers
import TestSupport
import Testing

@testable import Engine
@testable import RunState

@Suite("Why a VM did not get what it was to get, in stillpoint:vms")
struct ReasonTests {
    private static func failed(_ code: HypervisorError.Code, _ reason: ReasonCode?) -> HypervisorError {
        HypervisorError(code, "so", remedy: .fallBack, reason: reason)
    }

    @Test(
        "is the word of the failure",
        arguments: [
            (failed(.notQuiesced, .agentMissing), "agent-missing"),
            (failed(.notQuiesced, .agentSilent), "agent-silent"),
            (failed(.notQuiesced, .agentRefuses), "agent-refuses"), (failed(.notQuiesced, .vmBusy), "vm-busy"),
            (failed(.notQuiesced, .diskUnsupported), "disk-unsupported"),
            (failed(.notQuiesced, nil), "freeze-failed"), (failed(.timedOut, nil), "unreachable"),
            (failed(.changed, nil), "vm-changed"), (failed(.overlay, nil), "overlay-failed"),
            (failed(.overlay, .noRoom), "no-room"), (failed(.callFailed, nil), "call-failed"),
        ])
    func words(error: HypervisorError, word: String) async throws {
        try await withBench(general: "strategy = quiesce") { bench, host async throws in
            bench.has(host.web())
            bench.world.change { $0.freeze = { _, _ in throw error } }
            #expect(await bench.run(.pre) == .done)
            #expect(await bench.run(.post) == .done)
            #expect(try bench.zfs.stored().contains("tank/VM@daily stillpoint:vms=web01=crash:\(word)"))
        }
    }

    @Test(
        "is that of the strategy that leaves it on its own disks too",
        arguments: [
            ("freeze", HypervisorError(.notQuiesced, "so", remedy: .fallBack, reason: .partlyFrozen), "partly-frozen"),
            (
                "shutdown", HypervisorError(.callFailed, "so", remedy: .fallBack, reason: .shutdownIgnored),
                "shutdown-ignored"
            ),
            ("pause", HypervisorError(.changed, "so", remedy: .fallBack), "vm-changed"),
        ])
    func ownDisks(strategy: String, error: HypervisorError, word: String) async throws {
        try await withBench(general: "strategy = \(strategy)") { bench, host async throws in
            bench.has(host.web())
            bench.world.change { behaviour in
                behaviour.freezeFileSystems = { _ in throw error }
                behaviour.pause = { _ in throw error }
                behaviour.shutDown = { _ in throw error }
            }
            #expect(await bench.run(.pre) == .done)
            #expect(await bench.run(.post) == .done)
            #expect(try bench.zfs.stored().contains("tank/VM@daily stillpoint:vms=web01=crash:\(word)"))
        }
    }

    @Test(
        "is that of the run's own check, and of a program",
        arguments: [
            ("quiesce", VirtualMachine.PowerState.paused, "vm-paused"), ("pause", .paused, "vm-paused"),
            ("exec:SCRATCH/program", .running, "program-failed"), ("memory", .running, "no-room"),
        ])
    func run(strategy: String, power: VirtualMachine.PowerState, word: String) async throws {
        try await withBench(general: "strategy = \(strategy)") { bench, host async throws in
            try host.scratch.write("program", "#!/bin/sh\n[ $1 = release ] && echo '{\"version\":1}'\n", mode: 0o755)
            try host.scratch.folder("ram")
            let disk = host.disk("vda", "tank/VM/web01.raw")
            bench.has(VirtualMachine(id: "1", name: "web01", power: power, disks: [disk], memory: 1 << 60))
            #expect(await bench.run(.pre) == .done)
            #expect(await bench.run(.post) == .done)
            #expect(
                try bench.zfs.stored().contains("tank/VM@daily stillpoint:vms=web01=crash:\(word)"), "\(bench.log.text)"
            )
        }
    }

    @Test("is none of a VM that was to be paused, and that is no warning")
    func paused() async throws {
        try await withBench(general: "strategy = pause") { bench, host async throws in
            bench.has(host.web())
            #expect(await bench.run(.pre) == .done)
            #expect(bench.log.lines.contains("info: web01: crash-consistent, paused"), "\(bench.log.text)")
            #expect(!bench.log.lines.contains { $0.hasPrefix("warning: web01") })
            #expect(await bench.run(.post) == .done)
            #expect(try bench.zfs.stored().contains("tank/VM@daily stillpoint:vms=web01=crash"))
        }
    }
}
