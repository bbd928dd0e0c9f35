import Hypervisor
import RunState
import Testing

@testable import Operator
@testable import ZFS

@Suite("A report's figures")
struct HistoryReportBuilderTests {
    /// 2026-11-29, 12:00 UTC, a Sunday.
    static let now: Int64 = 1_795_953_600

    /// An entry of a run that began so many hours before `now`.
    static func entry(
        _ name: String, hoursAgo: Int64, _ consistency: Consistency? = .quiesced, reason: ReasonCode? = nil,
        _ outcome: HistoryEntry.Outcome = .released, dataset: String = "tank/VM", manager: String = "sanoid",
        digits: String = "00000a", frozen: Int64? = nil, notes: [String] = []
    ) throws -> HistoryEntry {
        let stamp = String(utcText(now - hoursAgo * 3600).filter { $0 != "-" && $0 != ":" })
        var entry = HistoryEntry(
            run: try #require(RunID("\(stamp)-\(digits)")), manager: manager, outcome: outcome, hypervisor: "local",
            id: name, name: name, datasets: [try DatasetName(dataset)], consistency: consistency)
        entry.strategy = reason == .configured ? .crashConsistent : .quiesce
        entry.reason = reason
        entry.frozenMilliseconds = frozen
        entry.notes = notes
        return entry
    }

    private func report(
        _ entries: [HistoryEntry], days: Int = 30, dataset: String? = nil, open: [RunTrouble] = [],
        evidence: SnapshotEvidence = SnapshotEvidence()
    ) throws -> HistoryReport {
        var builder = HistoryReportBuilder(
            now: Self.now, days: days, dataset: try dataset.map { try DatasetName($0) }, evidence: evidence)
        builder.add(entries)
        return builder.report(host: "host", open: open)
    }

    private func cells(_ report: HistoryReport) -> [String] {
        report.machines.map { machine in
            String(machine.cells.map { $0.best == $0.worst ? $0.worst.letter : "/" })
        }
    }

    @Test("has the best and the worst of each day, from the first run on")
    func days() throws {
        let report = try report([
            Self.entry("web", hoursAgo: 60, .memory), Self.entry("web", hoursAgo: 36, .quiesced),
            Self.entry("web", hoursAgo: 30, .crash, reason: .agentSilent), Self.entry("db", hoursAgo: 1, .off),
            Self.entry("db", hoursAgo: 2, .crash, reason: .configured),
        ])
        #expect(report.days.lowerBound.text == "27 Nov" && report.days.upperBound.text == "29 Nov")
        #expect(report.machines.map(\.name) == ["db", "web"])
        #expect(cells(report) == ["../", "M/."])
        #expect(report.machines[1].cells[1] == DayCell(best: .quiesced, worst: .fallback))
        #expect(report.runCount == 5)
    }

    @Test("calls a VM whose first run is still open one that lacks something, and not worse than usual")
    func firstRun() throws {
        let report = try report([Self.entry("web", hoursAgo: 1, nil, reason: nil, .open)])
        #expect(report.worsened.isEmpty && report.lacking.map(\.name) == ["web"] && !report.isLackingUsual)
    }

    @Test(
        "tells a fallback from what is configured, and what is no snapshot from what is none yet",
        arguments: [
            (.released, .crash, .agentSilent, "F"), (.released, .crash, .configured, "C"),
            (.released, .crash, nil, "C"),
            (.released, nil, nil, "C"), (.released, .stale, nil, "S"), (.released, .quiesced, .deviceUnsupported, "Q"),
            (.undone, .quiesced, nil, "X"), (.untaken, .quiesced, nil, "X"), (.open, .quiesced, nil, "!"),
        ] as [(HistoryEntry.Outcome, Consistency?, ReasonCode?, String)])
    func grades(outcome: HistoryEntry.Outcome, consistency: Consistency?, reason: ReasonCode?, letter: String) throws {
        let entry = try Self.entry("web", hoursAgo: 1, consistency, reason: reason, outcome)
        #expect(try cells(report([entry])) == [letter])
    }

    @Test("takes the last line of a VM and run")
    func lastLine() throws {
        let report = try report([
            Self.entry("web", hoursAgo: 1, .quiesced, .open), Self.entry("db", hoursAgo: 1),
            Self.entry("web", hoursAgo: 1, .quiesced, .released),
        ])
        #expect(cells(report) == ["Q", "Q"])
        #expect(report.troubles.isEmpty && report.runCount == 1)
    }

    @Test("leaves out restores, other datasets, and what lies before its days or in the future")
    func leftOut() throws {
        let entries = [
            try Self.entry("a", hoursAgo: 1, manager: Run.restoreManager), try Self.entry("b", hoursAgo: 30 * 24),
            try Self.entry("c", hoursAgo: -48), try Self.entry("d", hoursAgo: 1, dataset: "tank/VM2"),
            try Self.entry("e", hoursAgo: 1, dataset: "tank/VM/e"),
        ]
        #expect(try report(entries).machines.map(\.name) == ["d", "e"])
        let narrow = try report(entries, dataset: "tank/VM")
        #expect(narrow.machines.map(\.name) == ["e"])
        #expect(narrow.datasets.map(\.name.rawValue) == ["tank/VM/e"])
    }

    @Test(
        "finds VMs that got less than in the two weeks before",
        arguments: [
            ([.quiesced], [.crash], true), ([.quiesced], [.quiesced], false), ([.crash], [.quiesced], false),
            ([.quiesced, .crash], [.quiesced, .crash], false), ([.quiesced, .crash], [.crash, .crash], true),
            ([.memory], [.quiesced], true), ([.quiesced], [.quiesced, .stale], true), ([], [.crash], false),
            ([.quiesced], [], false),
        ] as [([Consistency], [Consistency], Bool)])
    func worsened(usual: [Consistency], last: [Consistency], hasWorsened: Bool) throws {
        var entries = try (2...9).flatMap { day in
            try usual.enumerated().map { index, consistency in
                try Self.entry("web", hoursAgo: Int64(day) * 24 - Int64(index), consistency, reason: .configured)
            }
        }
        // One bad day does not make the rest usual.
        entries += try usual.isEmpty ? [] : [Self.entry("web", hoursAgo: 240, .crash, reason: .agentSilent)]
        entries += try last.enumerated().map { index, consistency in
            try Self.entry("web", hoursAgo: Int64(index) + 2, consistency, reason: .configured)
        }
        entries.append(try Self.entry("other", hoursAgo: 1))
        #expect(try report(entries).worsened.map(\.name) == (hasWorsened ? ["web"] : []))
    }

    @Test("takes the night of the last run for the last night where nothing ran since")
    func night() throws {
        let report = try report([
            Self.entry("web", hoursAgo: 60), Self.entry("web", hoursAgo: 90, .crash, reason: .agentSilent),
        ])
        #expect(report.lastNightEnd == Self.now - 60 * 3600)
        #expect(report.machines[0].lastNight == DayCell(best: .quiesced, worst: .quiesced))
        #expect(try self.report([]).lastNightEnd == Self.now)
    }

    @Test("counts reasons, the most frequent first, without what is configured")
    func reasons() throws {
        let report = try report([
            Self.entry("a", hoursAgo: 1, .crash, reason: .agentSilent),
            Self.entry("a", hoursAgo: 25, .crash, reason: .agentSilent),
            Self.entry("b", hoursAgo: 240, .crash, reason: .agentSilent),
            Self.entry("b", hoursAgo: 1, .quiesced, reason: .deviceUnsupported),
            Self.entry("c", hoursAgo: 1, .crash, reason: .configured),
            Self.entry("d", hoursAgo: 1, .crash, reason: .noRoom, .untaken),
        ])
        #expect(report.reasons.map { $0.reason?.rawValue } == ["agent-silent", "device-unsupported"])
        #expect(report.reasons[0].count(last: 7) == 2 && report.reasons[0].count(last: 30) == 3)
        #expect(report.reasons[0].machines.count == 2)
    }

    @Test("tells of runs that failed and of those that are open, each once")
    func troubles() throws {
        let entries = [
            try Self.entry("a", hoursAgo: 5, .crash, .undone, digits: "000001"),
            try Self.entry("a", hoursAgo: 4, .crash, .untaken, digits: "000002"),
            try Self.entry("b", hoursAgo: 4, .crash, .untaken, digits: "000002", notes: ["no space"]),
            try Self.entry("a", hoursAgo: 3, .crash, .open, digits: "000003"),
            try Self.entry("a", hoursAgo: 2, digits: "000004"),
        ]
        let open = RunTrouble(
            run: entries[3].run.text, time: Self.now - 3 * 3600, kind: .open, manager: "sanoid", datasets: [],
            machineCount: 1)
        let report = try report(entries, open: [open])
        #expect(report.troubles.map(\.kind) == [.open, .untaken, .undone])
        #expect(report.troubles[1].machineCount == 2 && report.troubles[1].note == "no space")
    }

    @Test("has the middle, nineteen of twenty, and the longest window of a day")
    func windows() throws {
        #expect(WindowTally([]) == WindowTally())
        let one = WindowTally([7])
        #expect((one.count, one.median, one.nearlyAll, one.longest) == (1, 7, 7, 7))
        let many = WindowTally((1...40).reversed().map { $0 * 10 })
        #expect((many.count, many.median, many.nearlyAll, many.longest) == (40, 200, 380, 400))
        let report = try report([
            Self.entry("a", hoursAgo: 1, frozen: 90), Self.entry("a", hoursAgo: 30, frozen: 1500),
        ])
        #expect(report.frozen.map(\.longest) == [1500, 90] && report.paused.allSatisfy { $0.count == 0 })
        #expect(report.machines[0].longestFrozen?.milliseconds == 1500)
    }

    @Test(
        "takes evidence from the snapshots of a run, the worse of two",
        arguments: [
            ("ext4:clean", .clean), ("web=ext4:clean,db=xfs:dirty", .clean), ("web=xfs:dirty,web=ext4:clean", .dirty),
            ("web=ext4:clean+xfs:dirty", .dirty), ("unknown", .unknown), ("", .unknown), ("w%65b=ntfs:dirty", .dirty),
            ("=dirty,,=", .unknown), ("db=ext4:dirty", .unknown), ("web=<script>", .unknown),
        ] as [(String, Evidence)])
    func evidence(property: String, evidence: Evidence) throws {
        let entry = try Self.entry("web", hoursAgo: 1)
        let snapshot = ListedSnapshot(
            name: try SnapshotName("tank/VM@daily"), guid: "1",
            properties: ["stillpoint:run": entry.run.text, "stillpoint:evidence": property])
        let report = try report([entry], evidence: SnapshotEvidence([snapshot]))
        #expect(report.machines[0].cells == [DayCell(best: .quiesced, worst: .quiesced, evidence: evidence)])
    }

    @Test("counts days as the calendar does", arguments: [-800_000, -1, 0, 1, 59, 60, 10_956, 20_786, 20_787, 120_000])
    func calendar(number: Int) {
        let (day, date) = (CalendarDay(number), CalendarDay(number).date)
        if number >= 0 {
            let text = utcText(Int64(number) * 86400).prefix(10)
            let parts = [date.month, date.day].map { $0 < 10 ? "0\($0)" : "\($0)" }
            #expect(text == "\(date.year)-\(parts[0])-\(parts[1])")
        }
        #expect(CalendarDay(at: Int64(number) * 86400 + 86399) == day)
        #expect(day.monday.weekday == 0 && day.monday.distance(to: day) < 7 && day.firstOfMonth.date.day == 1)
    }
}
