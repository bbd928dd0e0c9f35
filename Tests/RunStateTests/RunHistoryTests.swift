import HostFixtures
import Hypervisor
import Support
import TestSupport
import Testing
import ZFS

@testable import RunState

@Suite("The history of runs")
struct RunHistoryTests {
    private static let run: RunID = "20261121T110000Z-1f3c9a"
    private static let day = "2026-11-21"

    private static func entry(_ name: String, notes: [String] = []) throws -> HistoryEntry {
        var entry = HistoryEntry(
            run: run, manager: "sanoid", outcome: .released, hypervisor: "local", id: "c0ffee", name: name,
            datasets: [try DatasetName("tank/VM"), try DatasetName("tank/DB")], consistency: .crash)
        entry.snapshot = "autosnap_daily"
        entry.strategy = Strategy.quiesce
        entry.reason = ReasonCode.agentSilent
        entry.frozenMilliseconds = 92
        entry.overlayBytes = 4096
        entry.notes = notes
        return entry
    }

    @Test(
        "keeps what was written, whatever the name of a VM is",
        arguments: ["web01", "tab\there", "two\nlines", "back\\slash\\n", "", "<script>", "\u{202E}gpj", "ünïcödé"])
    func names(_ name: String) throws {
        try withScratchFolder { scratch in
            let history = RunHistory(StateDirectory(scratch.path))
            let entry = try Self.entry(name, notes: ["quiesce: no\tagent", "\\t"])
            try history.append([entry], on: Self.day)
            try history.append([try Self.entry("other")], on: Self.day)
            #expect(history.days == [Self.day])
            #expect(history.entries(on: Self.day) == [entry, try Self.entry("other")])
        }
    }

    @Test("loses a torn line alone", arguments: ["20261121T110000Z-1f3c9a\treleased\tsan", "\t\t\t", "{}"])
    func torn(_ line: String) throws {
        try withScratchFolder { scratch in
            let history = RunHistory(StateDirectory(scratch.path))
            try history.append([try Self.entry("first")], on: Self.day)
            let text = String(decoding: try readFile(scratch.path + "/history/\(Self.day).tsv"), as: UTF8.self)
            try scratch.write("history/\(Self.day).tsv", text + "\n" + line)
            try history.append([try Self.entry("last")], on: Self.day)
            #expect(history.entries(on: Self.day).map(\.name) == ["first", "last"])
        }
    }

    @Test("is kept for 400 days")
    func old() throws {
        try withScratchFolder { scratch in
            let history = RunHistory(StateDirectory(scratch.path))
            for day in ["2025-10-17", "2025-10-18", Self.day] { try scratch.write("history/\(day).tsv", "") }
            // 2026-11-22, 12:00
            history.removeOld(now: 1_795_348_800)
            #expect(history.days == ["2025-10-18", Self.day])
        }
    }

    @Test("is none where nothing was written")
    func none() throws {
        try withScratchFolder { scratch in
            let history = RunHistory(StateDirectory(scratch.path))
            #expect(history.days.isEmpty && history.entries(on: Self.day).isEmpty)
        }
    }

    @Test(
        "takes a run of a day that has not come, since the clock was ahead, for the last one only where there is no other"
    )
    func clockAhead() throws {
        try withScratchFolder { scratch in
            let history = RunHistory(StateDirectory(scratch.path))
            var ahead = try Self.entry("web01")
            ahead.run = "20990101T110000Z-1f3c9a"
            try history.append([ahead], on: "2099-01-01")
            #expect(history.lastRuns().values.allSatisfy { $0.map(\.run) == [ahead.run] })
            try history.append([try Self.entry("db")], on: Self.day)
            let last = history.lastRuns()
            #expect(last.count == 2 && last.values.allSatisfy { $0.map(\.name) == ["db"] })
        }
    }

    @Test("finds the last run of each dataset, and a VM's runs, among lines that are none")
    func searching() throws {
        try withScratchFolder { scratch in
            let history = RunHistory(StateDirectory(scratch.path))
            let torn = [
                "", "\t", "\t\t\t\t\t\ttank/VM", "~\treleased\tx\tlocal\tc0ffee\tweb01\ttank/VM,tank/DB\t\t\t\t\t\t\t",
                "20261121T115959Z-ffffff\treleased\tx", "\u{0}\u{FFFD}", "20261121T115959Z-ffffff\t\t\t\t\tweb01\t//,@",
            ]
            try history.append([try Self.entry("web01")], on: "2026-11-20")
            try history.append([try Self.entry("web01"), try Self.entry("web01"), try Self.entry("db")], on: Self.day)
            let path = "history/\(Self.day).tsv"
            let text = String(decoding: try readFile("\(scratch.path)/\(path)"), as: UTF8.self)
            try scratch.write(path, torn.joined(separator: "\n") + text + "\n" + torn.joined(separator: "\n"))
            let last = history.lastRuns()
            #expect(last.keys.sorted().map(\.rawValue) == ["tank/DB", "tank/VM"])
            // Of one VM, by its id.
            #expect(last.values.allSatisfy { $0.map(\.name) == ["db"] })
            #expect(history.entries(of: "web01", since: "2026-11-20", most: 1).map(\.name) == ["web01", "web01"])
            #expect(history.entries(of: "web01", since: Self.day, most: 1).count == 1)
            #expect(history.entries(of: "", since: "", most: 9).isEmpty)
            #expect(history.names().isSuperset(of: ["web01", "db"]))
        }
    }
}
