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

@Suite("stillpoint explain")
struct ExplainTests {
    /// 2026-11-23T00:00:00Z
    private static let now: Int64 = 1_795_392_000

    private func report(_ bench: HookBench, _ word: String, most: Int = 10) -> ExplainReport {
        var report = ExplainReport()
        report.add(
            word, RunHistory(bench.directory), open: bench.directory.readableRuns, most: most,
            now: Self.now)
        return report
    }

    private func keep(
        _ bench: HookBench, _ id: RunID, _ machines: [VMRecord], _ outcome: HistoryEntry.Outcome = .released
    ) throws {
        try bench.directory.prepare()
        try RunHistory(bench.directory).append(try makeRun(id, machines: machines), outcome)
    }

    private func silent(_ name: String = "web01") throws -> VMRecord {
        var record = try makeRecord(name, .crash)
        record.strategy = .crashConsistent
        record.fallbacks = [.init(strategy: .quiesce, reason: "the agent did not\nanswer", code: .agentSilent)]
        return record
    }

    @Test("tells of the last runs of one VM, newest first, with reasons in codes and in words, and windows")
    func runs() async throws {
        try await withBench { bench, host async throws in
            var quiesced = try makeRecord("web01")
            (quiesced.strategy, quiesced.frozenFileSystems, quiesced.frozenMilliseconds) = (.quiesce, 2, 92)
            quiesced.overlayBytes = 4096
            try keep(bench, "20260901T110000Z-0000aa", [quiesced])
            try keep(bench, "20261120T110000Z-0000aa", [quiesced, makeRecord("db")])
            try keep(bench, "20261121T110000Z-0000aa", [silent()])
            try keep(bench, "20261122T110000Z-0000aa", [silent()], .open)
            try keep(bench, "20261122T110000Z-0000aa", [silent()])
            for word in ["web01", "id-of-web01"] {
                let report = report(bench, word)
                let machine = try #require(report.machines.first)
                #expect(report.machines.count == 1 && machine.vm == "web01" && machine.vmID == "id-of-web01")
                #expect(machine.runs.map(\.run.utf8.first) == Array(repeating: UInt8(ascii: "2"), count: 4))
                #expect(
                    machine.runs.map { String($0.run.prefix(8)) } == ["20261122", "20261121", "20261120", "20260901"])
                #expect(machine.runs.map(\.outcome) == [.released, .released, .released, .released])
                #expect(machine.runs[0].reason == .agentSilent)
                #expect(machine.runs[0].notes == ["quiesce: the agent did not\nanswer"])
                #expect(machine.runs[2].frozenMilliseconds == 92 && machine.runs[2].overlayBytes == 4096)
                #expect(machine.runs[2].snapshots == ["tank/VM@daily"])
                #expect(machine.lastDays.runs == 3)
                #expect(machine.lastDays.consistencies.map { "\($0.runs) \($0.word)" } == ["2 crash", "1 quiesced"])
                #expect(machine.lastDays.reasons.map { "\($0.runs) \($0.word)" } == ["2 agent-silent"])
                #expect(try JSON.decode(ExplainReport.self, from: StateFile.text(report)) == report)
            }
            #expect(report(bench, "web01", most: 2).machines[0].runs.count == 2)
            #expect(report(bench, "web01", most: 2).machines[0].lastDays.runs == 3)
            let machine = report(bench, "web01").machines[0]
            let rows = machine.table.text.split(separator: "\n")
            #expect(rows[0].hasPrefix("TIME                  SNAPSHOT       GOT"))
            #expect(rows[1].hasPrefix("2026-11-22 11:00:00Z  tank/VM@daily  crash     crash-consistent  agent-silent"))
            #expect(rows[3].contains("92 ms"))
            #expect(
                machine.summary.hasPrefix(
                    "in the last 30 days: 3 runs: 2 crash, 1 quiesced\n    agent-silent, 2 times: "))
            for json in [true, false] {
                #expect(await bench.operating.explain("web01", most: 10, json: json) == .done)
            }
        }
    }

    @Test("tells of all VMs of one name, each by its id and hypervisor")
    func namesakes() async throws {
        try await withBench { bench, host async throws in
            let twin = VMRecord(hypervisor: "other", id: "vm-7", name: "web01", datasets: [try DatasetName("tank/VM")])
            try keep(bench, "20261121T110000Z-0000aa", [silent(), twin])
            let machines = report(bench, "web01").machines
            #expect(
                machines.map(\.vmID) == ["id-of-web01", "vm-7"] && machines.map(\.hypervisor) == ["local", "other"])
            #expect(report(bench, "vm-7").machines.map(\.hypervisor) == ["other"])
        }
    }

    @Test("shows the run that is open now, also of a VM that had none before")
    func openRun() async throws {
        try await withBench { bench, host async throws in
            try bench.directory.prepare()
            var record = try silent()
            record.freezeState = someHold
            let run = try makeRun(.make(), machines: [record])
            try bench.directory.write(run)
            var machine = try #require(report(bench, "web01").machines.first)
            #expect(machine.openRun?.run == run.id.text && machine.openRun?.machine.heldBy == [.overlay])
            #expect(machine.head.contains("open now: run \(run.id), frozen; held: overlay\n"))
            #expect(machine.head.hasSuffix("no run that is over is in the history\n"))
            try keep(bench, "20261121T110000Z-0000aa", [silent()])
            machine = try #require(report(bench, "web01").machines.first)
            #expect(report(bench, "web01").machines.count == 1)
            #expect(machine.runs.count == 1 && machine.openRun?.run == run.id.text)
        }
    }

    @Test("names the nearest VM where there is none of that name, and ends with 2", arguments: [true, false])
    func unknown(isOpen: Bool) async throws {
        try await withBench { bench, host async throws in
            try bench.directory.prepare()
            if isOpen {
                try bench.directory.write(try makeRun(.make(), machines: [silent("web01")]))
            } else {
                try keep(bench, "20261121T110000Z-0000aa", [silent("web01"), silent("a\tb")])
            }
            #expect(await bench.operating.explain("web1", most: 10, json: false) == .usage)
            #expect(bench.log.text.contains("'web1' is neither a VM"))
            #expect(bench.log.text.contains("did you mean 'web01'?"))
            #expect(bench.log.text.contains("; what the next run would do with a VM says: stillpoint plan DATASET"))
            #expect(await bench.operating.explain("\u{1B}[31m\n", most: 10, json: true) == .usage)
            #expect(bench.log.lines.count == 2 && !bench.log.text.contains("\u{1B}"))
        }
    }

    @Test("before the first run says that none is known, and where to look")
    func early() async throws {
        try await withBench { bench, host async throws in
            #expect(await bench.operating.explain("web", most: 10, json: false) == .usage)
            #expect(bench.log.text.contains("no run of 'web' is known yet, nor of any other VM; "))
            #expect(bench.log.text.contains("stillpoint plan DATASET"))
        }
    }

    @Test("counts runs without a snapshot for what they are")
    func noSnapshot() async throws {
        try await withBench { bench, host async throws in
            try keep(bench, "20261121T110000Z-0000aa", [makeRecord("web01")])
            try keep(bench, "20261122T110000Z-0000aa", [makeRecord("web01")], .undone)
            let machine = try #require(report(bench, "web01").machines.first)
            #expect(machine.summary.hasPrefix("in the last 30 days: 2 runs: 1 quiesced, 1 without a snapshot\n"))
            #expect(machine.table.text.split(separator: "\n")[1].contains("tank/VM@daily  -  "))
        }
    }

    @Test(
        "finds a VM whatever its name is",
        arguments: ["tab\there", "two\nlines", "back\\slash", "<script>", "ünï", "a,b"])
    func names(_ name: String) async throws {
        try await withBench { bench, host async throws in
            try keep(bench, "20261121T110000Z-0000aa", [silent(name)])
            let machine = try #require(report(bench, name).machines.first)
            #expect(machine.vm == name)
            let text = machine.head + machine.table.text + machine.summary
            #expect(text.split(separator: "\n").count == 6)
            #expect(await bench.operating.explain(name, most: 1, json: false) == .done)
        }
    }

    @Test("says what a code means, also without state, and tells of a VM that is called so")
    func codes() async throws {
        try await withBench { bench, host async throws in
            for word in ["SP301", "sp301", "agent-silent", "configured"] {
                #expect(await bench.operating.explain(word, most: 10, json: false) == .done)
                #expect(ExplainReport.Code(word) != nil)
            }
            #expect(bench.log.lines.isEmpty && access(bench.statePath, F_OK) != 0)
            for word in ["SP999", "agent", "", "AGENT-SILENT"] { #expect(ExplainReport.Code(word) == nil) }
            try keep(bench, "20261121T110000Z-0000aa", [silent("agent-silent")])
            #expect(report(bench, "agent-silent").machines.map(\.vm) == ["agent-silent"])
        }
    }

    @Test("has for each reason what it means and what to do", arguments: ReasonCode.all)
    func texts(_ code: ReasonCode) throws {
        #expect(!code.title.isEmpty && !code.title.hasSuffix(".") && code.title.utf8.count < 160)
        #expect(code.remedy.hasSuffix(".") && code.remedy.utf8.count > 20)
        #expect(ReasonCode.all.count { $0.title == code.title } == 1)
        #expect(
            code.rawValue.utf8.allSatisfy { UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 || $0 == UInt8(ascii: "-") })
    }

    @Test("says of a reason of another version that it does not know it")
    func unknownReason() {
        #expect(ReasonCode(rawValue: "later").title.contains("does not know"))
    }

    @Test("has for each finding why it matters", arguments: FindingCode.allCases)
    func findings(_ code: FindingCode) throws {
        let text = try #require(ExplainReport.Code(code.rawValue)).text
        #expect(text.hasPrefix("\(code.rawValue) (\(code.severity.rawValue)): \(code.title)\n    why it matters: "))
    }
}
