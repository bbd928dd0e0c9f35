import Glibc
import HostFixtures
import Hypervisor
import SnapshotManagers
import Synchronization
import TestSupport
import Testing
import ZFS

@testable import Engine
@testable import RunState

@Suite("pre-snapshot")
struct PreSnapshotTests {
    @Test("freezes the VMs on the dataset and no others")
    func freezes() async throws {
        try await withBench { bench, host async throws in
            bench.has(
                host.web(), host.web("web02"), host.machine("db", host.disk("vda", "tank/VM/db/a.raw")),
                host.machine("other", host.disk("vda", "tank/other/a.raw")))
            #expect(await bench.run(.pre) == .done)
            #expect(Set(bench.world.calls) == ["list", "freeze web01", "freeze web02"])
            let run = try #require(try bench.openRuns().first)
            #expect(run.phase == .frozen)
            #expect(run.snapshots.map(\.rawValue) == ["tank/VM@daily"])
            #expect(run.machines.map(\.consistency) == [.quiesced, .quiesced])
            #expect(run.machines.allSatisfy { $0.phase == .frozen && $0.freezeState?.step == .held })
            #expect(run.machines.map(\.frozenMilliseconds) == [40, 40])
            #expect(bench.world.closes == 1)
        }
    }

    @Test("has the journal name a VM before it is touched")
    func journalFirst() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web(), host.web("web02"))
            await bench.run(.pre)
            #expect(bench.world.journal.count == 2)
            #expect(bench.world.journal.values.allSatisfy { $0?.phase == .freezing && $0?.freezeState == nil })
            await bench.run(.post)
            #expect(bench.world.journal.values.allSatisfy { $0?.phase == .releasing && $0?.freezeState?.step == .held })
        }
    }

    @Test("leaves no state file where there is no VM on the dataset")
    func noMachine() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.machine("other", host.disk("vda", "tank/other/a.raw")))
            #expect(await bench.run(.pre) == .done)
            #expect(bench.world.calls == ["list"])
            #expect(access(bench.statePath, F_OK) != 0)
            #expect(bench.world.closes == 1)
            #expect(await bench.run(.post) == .done)
        }
    }

    @Test("names a VM that may be concerned and of which that cannot be known, and freezes the others")
    func unresolved() async throws {
        try await withBench(sections: "[vm mute*]\nstrategy = ignore") { bench, host async throws in
            func lost(_ name: String, _ disks: Disk...) -> VirtualMachine {
                VirtualMachine(
                    id: "id-of-\(name)", name: name, power: .running, disks: disks, unresolved: ["vdb has no pool"])
            }
            bench.has(
                host.web(), lost("lost\n1"), lost("mute1"), lost("half", host.disk("vda", "tank/VM/half.raw")),
                lost("elsewhere", host.disk("vda", "tank/other/a.raw")))
            #expect(await bench.run(.pre) == .done)
            #expect(Set(bench.world.calls) == ["list", "freeze web01", "freeze half"])
            let run = try #require(try bench.openRuns().first)
            #expect(run.machines.first { $0.name == "half" }?.notes == ["vdb has no pool"])
            let warnings = bench.log.lines.filter { $0.contains("may have a disk on what is snapshotted") }
            #expect(warnings.count == 2, "\(warnings)")
            #expect(warnings.allSatisfy { $0.contains("vdb has no pool") })
            #expect(warnings.contains { $0.contains("elsewhere") })
        }
    }

    @Test("falls back to crash-consistent and keeps the reason")
    func fallBack() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            bench.world.change { $0.freeze = { _, _ in throw refusal(.fallBack) } }
            #expect(await bench.run(.pre) == .done)
            let record = try bench.onlyRecord()
            #expect(record.consistency == .crash)
            #expect(record.strategy == .crashConsistent)
            #expect(record.fallbacks == [.init(strategy: .quiesce, reason: "the agent is asleep", code: .freezeFailed)])
            #expect(record.freezeState == nil)
            #expect(bench.log.text.contains("warning: web01: crash-consistent only (quiesce: the agent is asleep)"))
            #expect(await bench.run(.post) == .done)
            #expect(try bench.openRuns().isEmpty)
            #expect(try bench.zfs.stored().contains("tank/VM@daily stillpoint:consistency=crash"))
        }
    }

    @Test(
        "asks a guest that failed to freeze once more, but not where the manager's time is short", arguments: [60, 4])
    func secondAttempt(seconds: Int) async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            bench.world.change { behaviour in
                let freeze = behaviour.freeze
                behaviour.freeze = { [world = bench.world] request, record in
                    if world.count("freeze") == 1 {
                        throw HypervisorError(.freezeFailed, "VSS is not ready", remedy: .fallBack)
                    }
                    return try await freeze(request, record)
                }
            }
            #expect(await bench.run(.pre, ["--deadline", "\(seconds)", "tank/VM@daily"]) == .done)
            #expect(bench.world.count("freeze") == (seconds == 60 ? 2 : 1))
            #expect(try bench.onlyRecord().consistency == (seconds == 60 ? .quiesced : .crash))
            #expect(try bench.onlyRecord().fallbacks.isEmpty == (seconds == 60))
        }
    }

    @Test("gives a guest up that fails to freeze as often as it is asked")
    func lastAttempt() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            bench.world.change {
                $0.freeze = { _, _ in throw HypervisorError(.freezeFailed, "VSS is not ready", remedy: .fallBack) }
            }
            #expect(await bench.run(.pre) == .done)
            #expect(bench.world.count("freeze") == 2)
            #expect(try bench.onlyRecord().fallbacks.map(\.reason) == ["VSS is not ready"])
        }
    }

    @Test("releases what a failed freeze has left before it falls back")
    func leftOver() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            bench.world.change { behaviour in
                behaviour.freeze = { request, record in
                    try await FakeWorld.freezeState(request, record)
                    throw refusal(.stop)
                }
            }
            #expect(await bench.run(.pre) == .done)
            #expect(bench.world.calls == ["list", "freeze web01", "release id-of-web01"])
            let record = try bench.onlyRecord()
            #expect(record.freezeState == nil)
            #expect(record.consistency == .crash)
        }
    }

    @Test("does not touch what a server may still be doing, and tries no other freeze on top of that")
    func underWay() async throws {
        try await withBench(general: "strategy = quiesce, memory, crash-consistent") { bench, host async throws in
            try host.scratch.folder("ram")
            let machine = try datastoreMachine("erp")
            bench.world.change { behaviour in
                behaviour.list = { [machine] }
                behaviour.freeze = { request, record in
                    try await record(FreezeState(step: .preparing, snapshot: "stillpoint \(request.run)", disks: []))
                    throw refusal(.stop, "the server is still making the VM snapshot")
                }
            }
            #expect(await bench.run(.pre) == .done)
            #expect(bench.world.calls == ["list", "freeze erp"])
            let record = try bench.onlyRecord()
            #expect(record.freezeState != nil && record.consistency == .crash)
            #expect(record.fallbacks.map(\.strategy) == [.quiesce, .memory])
            #expect(await bench.run(.post) == .done)
            #expect(bench.world.calls.last == "release vm-erp")
        }
    }

    @Test("keeps in the journal what a failed freeze has left and cannot be released")
    func stuck() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            bench.world.change { behaviour in
                behaviour.freeze = { request, record in
                    try await FakeWorld.freezeState(request, record)
                    throw refusal(.stop)
                }
                behaviour.release = { _, _ in throw refusal(.stop, "no answer") }
            }
            #expect(await bench.run(.pre) == .done)
            #expect(try bench.onlyRecord().freezeState != nil)
            #expect(bench.log.text.contains("web01: not released after a failed freeze: no answer"))
        }
    }

    @Test("with on_failure = abort undoes everything when one VM cannot be frozen")
    func abort() async throws {
        try await withBench(general: "strategy = quiesce\non_failure = abort") { bench, host async throws in
            bench.has(host.web("good"), host.web("bad"))
            bench.world.change { behaviour in
                let freeze = behaviour.freeze
                behaviour.freeze = { request, record in
                    if request.machine.name == "bad" { throw refusal(.fallBack) }
                    return try await freeze(request, record)
                }
            }
            #expect(await bench.run(.pre) == .failed)
            #expect(bench.world.calls.suffix(1) == ["release id-of-good"])
            #expect(try bench.openRuns().isEmpty)
            #expect(bench.log.text.contains("bad: crash-consistent only (quiesce: the agent is asleep)"))
            #expect(try bench.zfs.calls().allSatisfy { $0.hasPrefix("list ") || $0.hasPrefix("get ") })
        }
    }

    @Test("with on_failure = abort continues when a weaker strategy of the list works")
    func abortNotNeeded() async throws {
        try await withBench(general: "on_failure = abort") { bench, host async throws in
            bench.has(host.web())
            bench.world.change { $0.freeze = { _, _ in throw refusal(.fallBack) } }
            #expect(await bench.run(.pre) == .done)
            #expect(try bench.onlyRecord().consistency == .crash)
        }
    }

    @Test("keeps the state file when a VM cannot be released after an abort")
    func abortStuck() async throws {
        try await withBench(general: "strategy = quiesce\non_failure = abort") { bench, host async throws in
            bench.has(host.web("good"), host.web("bad"))
            bench.world.change { behaviour in
                let freeze = behaviour.freeze
                behaviour.freeze = { request, record in
                    if request.machine.name == "bad" { throw refusal(.fallBack) }
                    return try await freeze(request, record)
                }
                behaviour.release = { _, _ in throw refusal(.stop, "no answer") }
            }
            #expect(await bench.run(.pre) == .needsRecovery)
            let records = try bench.openRuns().flatMap(\.machines)
            #expect(records.filter { $0.freezeState != nil }.map(\.name) == ["good"])
            // A snapshot that is taken all the same must not be told to hold it frozen.
            #expect(records.allSatisfy { $0.consistency == .crash })
            #expect(records.allSatisfy { $0.earlyRelease != nil })
            #expect(bench.log.text.contains("good: not released: no answer"))
        }
    }

    @Test(
        "says what it does when the hypervisor cannot be reached",
        arguments: [("continue", ExitCode.done), ("abort", .failed)])
    func unreachable(onFailure: String, expected: ExitCode) async throws {
        try await withBench(general: "on_failure = \(onFailure)") { bench, _ async throws in
            bench.world.change { behaviour in
                behaviour.list = { throw HypervisorError(.unreachable, "libvirt cannot be reached", remedy: .retry) }
            }
            #expect(await bench.run(.pre) == expected)
            #expect(access(bench.statePath, F_OK) != 0)
            #expect(bench.log.text.contains("libvirt cannot be reached"))
            #expect(bench.log.text.contains("[hypervisor local]"))
            #expect(bench.world.closes == 1)
        }
    }

    @Test(
        "touches nothing when its folders cannot be used",
        arguments: [
            ("overlay_dir = SCRATCH/none", "install -d"), ("overlay_dir = SCRATCH/existing", "is not there"),
            ("overlay_dir = SCRATCH/tank/VM/overlays", "lies on tank/VM"),
            ("state_dir = SCRATCH/existing/state", "set state_dir"), ("state_dir = SCRATCH/no/such", "set state_dir"),
        ])
    func badFolder(line: String, expected: String) async throws {
        try await withBench(general: line) { bench, host async throws in
            bench.has(host.web())
            #expect(await bench.run(.pre) == .usage)
            #expect(bench.world.calls == ["list"])
            #expect(bench.log.text.contains(expected), "\(bench.log.text)")
            #expect(try bench.openRuns().isEmpty)
        }
    }

    @Test(
        "does not ask for an overlay folder that it does not need",
        arguments: [VirtualMachine.PowerState.off, .paused])
    func noOverlays(power: VirtualMachine.PowerState) async throws {
        try await withBench(general: "overlay_dir = SCRATCH/none") { bench, host async throws in
            bench.has(host.web(power: power))
            #expect(await bench.run(.pre) == .done)
            #expect(try bench.onlyRecord().consistency == (power == .off ? .off : .crash))
            #expect(bench.world.count("freeze") == 0)
        }
    }

    @Test("freezes no more VMs at a time than max_parallel, and all in the end")
    func maxParallel() async throws {
        try await withBench(general: "max_parallel = 3") { bench, host async throws in
            let machines = (0..<12).map { host.web("web\($0)") }
            let inside = Mutex((now: 0, most: 0))
            bench.world.change { behaviour in
                let freeze = behaviour.freeze
                behaviour.list = { machines }
                behaviour.freeze = { request, record in
                    inside.withLock { counts in
                        counts.now += 1
                        counts.most = max(counts.most, counts.now)
                    }
                    defer { inside.withLock { $0.now -= 1 } }
                    return try await freeze(request, record)
                }
            }
            #expect(await bench.run(.pre) == .done)
            #expect(inside.withLock { $0.most } <= 3)
            #expect(bench.world.count("freeze") == 12)
            #expect(try bench.openRuns().first?.machines.count { $0.consistency == .quiesced } == 12)
        }
    }

    @Test("never asks the hypervisor where strategy = ignore", arguments: ["general", "dataset"])
    func ignored(place: String) async throws {
        let general = place == "general" ? "strategy = ignore" : ""
        let sections = place == "dataset" ? "[tank/VM]\nstrategy = ignore" : ""
        try await withBench(general: general, sections: sections) { bench, host async throws in
            bench.has(host.web())
            #expect(await bench.run(.pre) == .done)
            #expect(bench.world.calls.isEmpty)
            #expect(access(bench.statePath, F_OK) != 0)
        }
    }

    @Test("finds the VMs of a child whose own section does not ignore them", arguments: [true, false])
    func ignoredParent(isRecursive: Bool) async throws {
        let sections = "[tank]\nstrategy = ignore\n[tank/VM]\nstrategy = quiesce"
        try await withBench(sections: sections) { bench, host async throws in
            bench.has(host.web())
            #expect(await bench.run(.pre, (isRecursive ? ["-r"] : []) + ["tank@daily"]) == .done)
            #expect(bench.world.count("freeze") == (isRecursive ? 1 : 0))
        }
    }

    @Test("leaves out a VM whose own section ignores it")
    func ignoredMachine() async throws {
        try await withBench(sections: "[vm web*]\nstrategy = ignore") { bench, host async throws in
            bench.has(host.web(), host.web("db"))
            #expect(await bench.run(.pre) == .done)
            #expect(bench.world.calls == ["list", "freeze db"])
        }
    }

    @Test("only says what it would do in a dry run")
    func dryRun() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web(), host.web("idle", power: .off))
            #expect(await bench.run(.pre, ["--dry-run", "tank/VM@daily"]) == .done)
            #expect(bench.world.calls == ["list"])
            #expect(access(bench.statePath, F_OK) != 0)
            #expect(try bench.zfs.calls().allSatisfy { $0.hasPrefix("list ") })
            #expect(bench.log.lines.contains("info: would freeze web01 (vda): quiesce, else crash-consistent"))
            #expect(bench.log.lines.contains("info: would freeze idle (vda): shut off"))
        }
    }

    @Test("says in a dry run which line wants it, and whom a line leaves out")
    func dryRunLines() async throws {
        let sections = """
            [template_calm]
            strategy = crash-consistent
            [tank/VM]
            use_template = calm
            on_failure = abort
            [vm ci-*]
            strategy = ignore
            """
        try await withBench(sections: sections) { bench, host async throws in
            bench.has(host.web(), host.web("ci-1"))
            #expect(await bench.run(.pre, ["--dry-run", "tank/VM@daily"]) == .done)
            let file = bench.scratch.path + "/stillpoint.conf"
            let said = [
                "info: would freeze web01 (vda): crash-consistent",
                "info: web01: strategy: \(file):6 [template_calm], by use_template in line 8 [tank/VM]; "
                    + "on_failure = abort: \(file):9 [tank/VM]",
                "info: would leave out ci-1 (vda): ignore",
                "info: ci-1: strategy: \(file):11 [vm ci-*]; on_failure = abort: \(file):9 [tank/VM]",
            ]
            for line in said { #expect(bench.log.lines.contains(line), "\(line)") }
            #expect(bench.world.calls == ["list"])
        }
    }

    @Test("says in a dry run by which line all are left out")
    func dryRunIgnored() async throws {
        try await withBench(sections: "[tank/VM]\nstrategy = ignore") { bench, host async throws in
            bench.has(host.web())
            #expect(await bench.run(.pre, ["--dry-run", "tank/VM@daily"]) == .done)
            #expect(bench.log.text.contains("would leave out web01 (vda): ignore"))
            #expect(bench.log.text.contains("/stillpoint.conf:6 [tank/VM]"))
        }
    }

    @Test(
        "does what the section of the snapshot's type says, and asks nobody where that is nothing",
        arguments: [
            (["SANOID_TYPES": "frequently"], [], []),
            (["SANOID_TYPES": "frequently,hourly"], [], ["list", "freeze web01"]),
            (["SANOID_TYPES": "hourly"], [], ["list", "freeze web01"]),
            (["SANOID_SNAPNAME": "autosnap_2026-11-21_11:00:00_frequently"], [], []),
            ([:], ["--type", "frequently"], []), ([:], [], ["list", "freeze web01"]),
        ] as [([String: String], [String], [String])])
    func types(variables: [String: String], options: [String], calls: [String]) async throws {
        let usual = ["SANOID_TARGET": "tank/VM", "SANOID_SNAPNAME": "daily"].merging(variables) { $1 }
        try await withBench(sections: "[type frequently]\nstrategy = ignore") { bench, host async throws in
            bench.has(host.web())
            #expect(await bench.run(.pre, options, environment: usual) == .done)
            #expect(bench.world.calls == calls)
        }
    }

    @Test("reads no sanoid.conf for a type that is ignored everywhere")
    func ignoredType() async throws {
        try await withBench(sections: "[type frequently]\nstrategy = ignore") { bench, host async throws in
            bench.has(host.web())
            try bench.scratch.write("sanoid/sanoid.conf", "[tank/VM]\n", mode: 0o666)
            let variables = ["SANOID_TARGET": "tank/VM", "SANOID_SNAPNAME": "x", "SANOID_TYPES": "frequently"]
            #expect(await bench.run(.pre, [], environment: variables) == .done)
            #expect(
                await bench.run(.pre, [], environment: variables.merging(["SANOID_TYPES": "daily"]) { $1 }) == .usage)
            #expect(bench.world.calls == [])
        }
    }

    @Test("gives the back end the manager's deadline, and freezes nothing once it has passed")
    func deadline() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web())
            #expect(await bench.run(.pre, ["--deadline", "0.000001", "tank/VM@daily"]) == .done)
            #expect(bench.world.count("freeze") == 0)
            #expect(try bench.onlyRecord().fallbacks.map(\.reason) == ["the manager's deadline has passed"])
        }
    }

    @Test("exits at the manager's time-out, whatever hangs, and leaves its run to post-snapshot")
    func hangs() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web(), host.web("db"))
            bench.world.change {
                $0.freeze = { request, record in
                    try await FakeWorld.freezeState(request, record)
                    if request.machine.name == "web01" { try await Task.sleep(for: .seconds(60)) }
                    return FreezeResult(consistency: .quiesced)
                }
            }
            let begin = ContinuousClock.now
            #expect(await bench.run(.pre, ["--deadline", "10", "tank/VM@daily"]) == .done)
            #expect(begin.duration(to: .now) < .seconds(20))
            #expect(
                bench.log.lines.contains(
                    "error: the manager waits no longer, and not at rest are: web01; what was begun is undone"))
            let run = try #require(try bench.openRuns().first)
            #expect(run.phase == .frozen)
            #expect(run.machines.map(\.consistency) == [nil, .quiesced])
            #expect(run.machines.allSatisfy { $0.freezeState != nil })
        }
    }

    @Test("that hangs where no snapshot is wanted then fails, and leaves its run to the watchdog")
    func hangsWithAbort() async throws {
        try await withBench(sections: "[tank/VM]\non_failure = abort") { bench, host async throws in
            bench.has(host.web())
            bench.world.change {
                $0.freeze = { _, _ in
                    try await Task.sleep(for: .seconds(60))
                    return FreezeResult(consistency: .quiesced)
                }
            }
            #expect(await bench.run(.pre, ["--deadline", "10", "tank/VM@daily"]) == .failed)
            #expect(try bench.openRuns().first?.phase == .freezing)
        }
    }

    @Test("takes the children along in a recursive snapshot")
    func recursive() async throws {
        try await withBench { bench, host async throws in
            bench.has(host.web(), host.machine("db", host.disk("vda", "tank/VM/db/a.raw")))
            #expect(await bench.run(.pre, ["-r", "tank/VM@daily"]) == .done)
            #expect(bench.world.count("freeze") == 2)
            #expect(try bench.openRuns().first?.recursiveTargets.map(\.rawValue) == ["tank/VM"])
        }
    }

    @Test(
        "says to a person whose VMs are on the children that nothing was frozen, and to a manager nothing",
        arguments: [
            (["tank@daily"], true), (["tank"], true), (["tank/other@daily"], false),
            (["tank", "daily-2026-11-29-0117"], false),
        ])
    func onChildren(arguments: [String], isSaid: Bool) async throws {
        let sections = "[tank]\nrecursive = \(arguments.count > 1 ? "no" : "auto")"
        try await withBench(sections: sections) { bench, host async throws in
            bench.has(host.web("web02"), host.web(), host.machine("else", host.disk("vda", "overlays/else.raw")))
            #expect(await bench.run(.pre, arguments) == .done)
            #expect(bench.world.count("freeze") == 0)
            #expect(
                bench.log.lines
                    == (isSaid
                        ? [
                            "warning: nothing was frozen: no VM has a disk on tank itself; VMs with disks below it: web01, web02. "
                                + "For zfs snapshot -r: pre-snapshot -r \(arguments[0])"
                        ] : []))
        }
    }
}
