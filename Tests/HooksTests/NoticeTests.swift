import Glibc
import HostFixtures
import Hypervisor
import Operator
import SnapshotManagers
import TestSupport
import Testing
import ZFS

@testable import Engine
@testable import RunState

@Suite("Somebody is told")
struct NoticeTests {
    private static let told = "on_problem = /bin/true"

    private func entries(_ bench: HookBench) throws -> [OutboxEntry] {
        let outbox = Outbox(bench.directory)
        return try outbox.names.map { try outbox.read($0) }
    }

    private func refuse(_ bench: HookBench) {
        bench.world.change { $0.freeze = { _, _ in throw refusal(.fallBack) } }
    }

    @Test("of a run in which a VM fell back, when it is over and not before")
    func fallback() async throws {
        try await withBench(general: Self.told) { bench, host async throws in
            bench.has(host.web())
            refuse(bench)
            await bench.run(.pre)
            #expect(try entries(bench).isEmpty)
            await bench.run(.post)
            let entry = try #require(try entries(bench).first)
            #expect(try entries(bench).count == 1 && entry.ending == .released && entry.isProblem)
            #expect(entry.machines.map(\.fellShort) == [true])
            #expect(entry.machines.first?.fallbacks.first?.reason.contains("asleep") == true)
            #expect(entry.reasons.isEmpty && entry.snapshots.map(\.rawValue) == ["tank/VM@daily"])
        }
    }

    @Test(
        "of a run that was well only where somebody wants to hear of it",
        arguments: [
            (told, 0), ("", 0), ("webhook_url = https://localhost/", 0), ("mail_to = root", 0),
            ("mail_to = root\nmail_on = change", 1), ("mail_to = root\nmail_on = always", 1),
            ("metrics_file = /tmp/none/x.prom", 1), ("mail_on = always", 0),
        ])
    func well(general: String, count: Int) async throws {
        try await withBench(general: general) { bench, host async throws in
            bench.has(host.web())
            await bench.run(.pre)
            await bench.run(.post)
            #expect(try entries(bench).count == count)
            #expect(try entries(bench).allSatisfy { !$0.isProblem })
        }
    }

    @Test("of a run that pre-snapshot has undone")
    func undone() async throws {
        try await withBench(general: Self.told + "\nstrategy = quiesce\non_failure = abort") {
            bench, host async throws in
            bench.has(host.web(), host.web("legacy"))
            bench.world.change { behaviour in
                let freeze = behaviour.freeze
                behaviour.freeze = { request, record in
                    if request.machine.name == "legacy" { throw refusal(.fallBack) }
                    return try await freeze(request, record)
                }
            }
            #expect(await bench.run(.pre) == .failed)
            let entries = try entries(bench)
            #expect(entries.map(\.ending) == [.undone])
            #expect(entries[0].reasons[0] == "all was undone: on_failure = abort, because of legacy")
            #expect(entries[0].reasons.count == 2 && entries[0].reasons[1].hasPrefix("there is no consistent snapshot"))
            let history = RunHistory(bench.directory)
            let kept = history.entries(on: try #require(history.days.first))
            #expect(kept.map(\.outcome) == [.undone, .undone] && kept.map(\.consistency) == [nil, nil])
            #expect(
                Set(kept.map { "\($0.name) \($0.reason?.rawValue ?? "-")" }) == [
                    "web01 undone", "legacy freeze-failed",
                ])
            #expect(kept.allSatisfy { $0.notes.contains("all was undone: on_failure = abort, because of legacy") })
        }
    }

    @Test("of a run of which zfs took no snapshot")
    func untaken() async throws {
        try await withBench(general: Self.told) { bench, host async throws in
            bench.has(host.web())
            await bench.run(.pre, ["tank/VM@none"])
            await bench.run(.post, ["tank/VM@none"])
            #expect(try entries(bench).map(\.ending) == [.untaken])
        }
    }

    @Test("of a VM that cannot be released, once, and of the end of its run")
    func open() async throws {
        try await withBench(general: Self.told) { bench, host async throws in
            bench.has(host.web())
            await bench.run(.pre)
            bench.world.change { $0.release = { _, _ in throw refusal(.stop, "libvirtd is gone") } }
            for _ in 0..<3 { #expect(await bench.run(.post) == .needsRecovery) }
            #expect(try entries(bench).map(\.ending) == [.open])
            bench.world.change { behaviour in behaviour.release = { _, record in try await record(nil) } }
            #expect(await bench.run(.post) == .done)
            // That it is over is no problem: nobody wants to hear of it here.
            #expect(try entries(bench).map(\.ending) == [.open])
        }
    }

    @Test("of a run that was released before its post-snapshot came, though its VMs are whole")
    func early() async throws {
        try await withBench(general: Self.told) { bench, host async throws in
            bench.has(host.web())
            await bench.run(.pre)
            let id = try #require(try bench.openRuns().first?.id)
            #expect(await bench.operating.recover(run: id.text) == .done)
            let entry = try #require(try entries(bench).first)
            #expect(entry.isProblem && entry.reasons.contains { $0.contains("post-snapshot did not come") })
        }
    }

    @Test("of a hypervisor that does not answer, once for as long as that lasts")
    func unanswered() async throws {
        try await withBench(general: Self.told) { bench, host async throws in
            bench.has(host.web())
            let list = bench.world.behaviour.list
            func fail() {
                bench.world.change { $0.list = { throw HypervisorError(.unreachable, "no answer", remedy: .fallBack) } }
            }
            fail()
            for _ in 0..<2 { #expect(await bench.run(.pre) == .done) }
            let entry = try #require(try entries(bench).first)
            #expect(try entries(bench).count == 1 && entry.ending == .unanswered && entry.hypervisor == "local")
            #expect(entry.reasons.first?.contains("its VMs are not touched") == true)
            bench.world.change { $0.list = list }
            await bench.run(.pre)
            #expect(try entries(bench).isEmpty)
            await bench.run(.post)
            fail()
            await bench.run(.pre)
            #expect(try entries(bench).map(\.ending) == [.unanswered])
        }
    }

    @Test(
        "of a configuration that is refused, as far as it names whom, once until it is right",
        arguments: ["frezee_timeout = 5", "agent_timeout = soon", "[vm x", "no equals sign", "[stilpoint]\na = b"])
    func misconfigured(wrong: String) async throws {
        try await withBench(general: Self.told) { bench, host async throws in
            bench.has(host.web())
            let right = try text(bench.scratch, "stillpoint.conf")
            func spoil() throws { try bench.reconfigure { "\($0)\n\(wrong)\n" } }
            try spoil()
            #expect(await bench.run(.pre, ["--dry-run", "tank/VM@daily"]) == .usage)
            #expect(await bench.run(.post) == .usage)
            #expect(try entries(bench).isEmpty)
            for _ in 0..<2 { #expect(await bench.run(.pre) == .usage) }
            let entry = try #require(try entries(bench).first)
            #expect(try entries(bench).count == 1 && entry.ending == .misconfigured && entry.isProblem)
            #expect(entry.reasons.first?.contains("stillpoint.conf:") == true, "\(entry.reasons)")
            #expect(bench.world.calls.isEmpty)
            // It is right again, and something else fails.
            try bench.reconfigure { _ in right + "\non_failure = abort\n" }
            let list = bench.world.behaviour.list
            bench.world.change { $0.list = { throw HypervisorError(.unreachable, "no answer", remedy: .fallBack) } }
            #expect(await bench.run(.pre) == .failed)
            #expect(try entries(bench).map(\.ending) == [.failed])
            for name in Outbox(bench.directory).names { Outbox(bench.directory).remove(name) }
            bench.world.change { $0.list = list }
            try bench.reconfigure { _ in right }
            #expect(await bench.run(.pre) == .done)
            #expect(try entries(bench).isEmpty)
            try spoil()
            await bench.run(.pre)
            #expect(try entries(bench).map(\.ending) == [.misconfigured])
        }
    }

    @Test("of a refused configuration never by what others could change")
    func foreignConfiguration() async throws {
        try await withBench(general: Self.told) { bench, _ async throws in
            try #require(chmod(bench.scratch.path + "/stillpoint.conf", 0o666) == 0)
            #expect(await bench.run(.pre) == .usage)
            #expect(try entries(bench).isEmpty)
        }
    }

    @Test("of what is in the outbox already by a run that was well, too: nobody else might send it", arguments: [0, 1])
    func left(count: Int) async throws {
        try await withBench(general: Self.told) { bench, host async throws in
            bench.has(host.web())
            if count > 0 {
                var entry = OutboxEntry(.unanswered, manager: "sanoid", began: 1, ended: 1, datasets: [])
                entry.hypervisor = "vc1"
                try bench.directory.prepare()
                _ = try Outbox(bench.directory).add(entry)
            }
            await bench.run(.pre)
            var starting = bench
            starting.executable = bench.scratch.path + "/bin/post-snapshot"
            #expect(await starting.run(.post) == .done)
            let starts = bench.log.lines.filter { $0.contains("reports are not sent yet") }
            #expect(starts.count == count, "\(bench.log.lines)")
        }
    }

    @Test("of a hypervisor that does not answer while another one's VMs are frozen")
    func partlyUnanswered() async throws {
        let uri = "fake://gone-\(UInt64.random(in: 0 ... .max))"
        let gone = FakeWorld(uri: uri, stateDirectory: "/nonexistent")
        defer { gone.forget() }
        gone.change { $0.list = { throw HypervisorError(.unreachable, "no answer", remedy: .fallBack) } }
        let sections = "[hypervisor gone]\nkind = fake\nuri = \(uri)"
        try await withBench(general: Self.told, sections: sections) { bench, host async throws in
            bench.has(host.web())
            #expect(await bench.run(.pre) == .done)
            #expect(try bench.openRuns().count == 1)
            #expect(try entries(bench).map(\.ending) == [.unanswered])
        }
    }

    @Test("of a pre-snapshot that could not do its work, but not of one that was mistyped or was a dry run")
    func failed() async throws {
        try await withBench(general: Self.told + "\non_failure = abort") { bench, host async throws in
            bench.world.change { $0.list = { throw HypervisorError(.unreachable, "no answer", remedy: .fallBack) } }
            #expect(await bench.run(.pre) == .failed)
            #expect(try entries(bench).map(\.ending) == [.failed])
            await bench.run(.pre, ["--dry-run", "tank/VM@daily"])
            await bench.run(.pre, ["tank/nothing@daily"])
            #expect(try entries(bench).count == 1)
        }
    }

    @Test("of RAM that cannot be moved to cold storage, once")
    func unarchived() async throws {
        try await withBench(general: Self.told + "\ncold_storage = SCRATCH/cold") { bench, host async throws in
            bench.has(host.web())
            let dump = try bench.scratch.write("web01.mem", "RAM")
            bench.world.change { behaviour in
                behaviour.freeze = { request, record in
                    try await FakeWorld.freezeState(request, record)
                    return FreezeResult(
                        consistency: .memory, frozenFileSystems: 0, listedFileSystems: 0, frozenFor: .zero,
                        ramDump: RAMDump(path: dump, bytes: 3), pausedFor: .milliseconds(1))
                }
            }
            await bench.run(.pre)
            await bench.run(.post)
            #expect(try entries(bench).isEmpty)
            for _ in 0..<2 { #expect(await bench.operating.archive() == .needsRecovery) }
            let entry = try #require(try entries(bench).first)
            #expect(try entries(bench).count == 1 && entry.ending == .unarchived)
            #expect(entry.reasons.first?.hasPrefix("web01: its RAM is not in cold storage: ") == true, "\(entry)")
        }
    }

    @Test("by what is left undone where the outbox cannot be written: the run is none the worse")
    func unwritable() async throws {
        try await withBench(general: Self.told) { bench, host async throws in
            bench.has(host.web())
            refuse(bench)
            try bench.scratch.write("state/outbox", "in the way")
            await bench.run(.pre)
            #expect(await bench.run(.post) == .done)
            #expect(bench.log.lines.contains { $0.hasPrefix("warning: nobody is told of this") }, "\(bench.log.lines)")
        }
    }
}
