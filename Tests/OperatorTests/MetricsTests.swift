import HostFixtures
import Hypervisor
import Support
import TestSupport
import Testing
import ZFS

@testable import Operator
@testable import RunState

@Suite("The metrics")
struct MetricsTests {
    /// 2026-11-22, 12:00
    private static let now: Int64 = 1_795_348_800
    private static let day = "2026-11-21"
    private static let run: RunID = "20261121T110000Z-1f3c9a"
    private static let next: RunID = "20261122T110000Z-1f3c9b"
    private static let labels = #"hypervisor="local",dataset="tank/VM""#

    private static func entry(
        _ name: String, _ consistency: Consistency = .quiesced, _ reason: ReasonCode? = nil, id: String? = nil,
        in run: RunID = run, _ outcome: HistoryEntry.Outcome = .released, frozen: Int64? = nil,
        on datasets: [String] = ["tank/VM"]
    ) throws -> HistoryEntry {
        var entry = HistoryEntry(
            run: run, manager: "sanoid", outcome: outcome, hypervisor: "local", id: id ?? "id-of-\(name)", name: name,
            datasets: try datasets.map { try DatasetName($0) }, consistency: consistency)
        entry.reason = reason
        entry.frozenMilliseconds = frozen
        return entry
    }

    /// As one process would write it.
    private static func text(_ state: inout MetricsState, _ entries: [HistoryEntry], now: Int64 = now) -> [String] {
        state.take(entries, isCounting: true, now: now)
        return lines(MetricsText(state, HostMetrics(), now: now).text)
    }

    private static func text(_ entries: [HistoryEntry]) -> [String] {
        var state = MetricsState()
        return text(&state, entries)
    }

    private static func lines(_ text: String) -> [String] { text.split(separator: "\n").map(String.init) }

    // MARK: the text

    @Test("say what each VM got, and why it was no more")
    func values() throws {
        let lines = Self.text([
            try Self.entry("web01", frozen: 92), try Self.entry("legacy", .crash, .agentMissing),
            try Self.entry("scratch", .crash, .configured),
        ])
        for line in [
            #"stillpoint_last_run_timestamp_seconds{dataset="tank/VM"} 1795258800"#,
            #"stillpoint_last_success_timestamp_seconds{dataset="tank/VM"} 0"#,
            "stillpoint_vm_consistency{vm=\"web01\",\(Self.labels)} 2",
            "stillpoint_vm_consistency{vm=\"legacy\",\(Self.labels)} 0",
            "stillpoint_vm_fallback{vm=\"legacy\",\(Self.labels),reason=\"agent-missing\"} 1",
            "stillpoint_vm_consecutive_fallbacks{vm=\"legacy\",\(Self.labels)} 1",
            "stillpoint_vm_consecutive_fallbacks{vm=\"scratch\",\(Self.labels)} 0",
            "stillpoint_vm_last_run_timestamp_seconds{vm=\"web01\",\(Self.labels)} 1795258800",
            "stillpoint_vm_frozen_seconds{vm=\"web01\",\(Self.labels)} 0.092",
            #"stillpoint_frozen_seconds_bucket{le="0.05"} 0"#, #"stillpoint_frozen_seconds_bucket{le="0.1"} 1"#,
            #"stillpoint_frozen_seconds_bucket{le="+Inf"} 1"#, "stillpoint_frozen_seconds_sum 0.092",
            "stillpoint_frozen_seconds_count 1", #"stillpoint_runs_total{outcome="released"} 1"#,
            #"stillpoint_runs_total{outcome="undone"} 0"#, #"stillpoint_fallbacks_total{reason="agent-missing"} 1"#,
            #"stillpoint_fallbacks_total{reason="agent-silent"} 0"#, "stillpoint_open_runs 0",
            "stillpoint_metrics_timestamp_seconds \(Self.now)",
        ] {
            #expect(lines.contains(line), "\(line)")
        }
        #expect(lines.count { $0.hasPrefix("stillpoint_vm_fallback{") } == 1)
        #expect(!lines.contains { $0.hasPrefix("stillpoint_vm_paused_seconds{") })
    }

    @Test("count as a success a run in which all VMs of the dataset got what they were to get")
    func success() throws {
        let lines = Self.text([
            try Self.entry("web01"), try Self.entry("scratch", .crash, .configured),
            try Self.entry("db", .crash, .agentSilent, on: ["tank/db"]),
        ])
        #expect(lines.contains(#"stillpoint_last_success_timestamp_seconds{dataset="tank/VM"} 1795258800"#))
        #expect(lines.contains(#"stillpoint_last_success_timestamp_seconds{dataset="tank/db"} 0"#))
    }

    @Test(
        "write seconds", arguments: [(0, "0"), (5, "0.005"), (92, "0.092"), (100, "0.1"), (12_340, "12.34"), (-1, "0")])
    func seconds(_ milliseconds: Int64, _ text: String) { #expect(MetricsText.seconds(milliseconds) == text) }

    static let hostile = [
        "it's \"quoted\"", "{braces} # HELP", "<script>alert(1)</script>", "two\nlines", "carriage\rreturn",
        "\u{202E}gpj.exe", "back\\slash", "back\\nslash", "\u{0}\u{1b}[2J", "", " ",
        String(repeating: "x", count: 5000),
        String(decoding: [0xff, 0xfe, 0x41], as: UTF8.self), "ünïcödé", "a,vm=\"b\"", "{{ .Labels }}",
    ]

    @Test("escape a VM's name, whatever it is", arguments: hostile)
    func escapes(_ name: String) throws {
        let lines = Self.text([try Self.entry(name, .crash, .agentSilent)])
        let series = lines.filter { !$0.hasPrefix("# ") }
        let prefix = "stillpoint_vm_consistency{vm=\""
        let line = try #require(series.first { $0.hasPrefix(prefix) })
        #expect(series.count { $0.hasPrefix(prefix) } == 1)
        #expect(line.hasSuffix("\",\(Self.labels)} 0"))
        let value = line.dropFirst(prefix.count).dropLast("\",\(Self.labels)} 0".count)
        #expect(Self.unescaped(value) == MetricsText.label(name))
        let unsafe = series.joined().unicodeScalars.filter { scalar in
            [.control, .format].contains(scalar.properties.generalCategory)
        }
        #expect(unsafe.isEmpty)
        #expect(series.allSatisfy { $0.hasPrefix("stillpoint_") })
    }

    /// As the format says: `label_value can be any sequence of UTF-8 characters, but the backslash (\\), double-quote (\"),
    /// and line feed (\n) characters have to be escaped`. Nil where it is none.
    private static func unescaped(_ text: Substring) -> String? {
        var (result, rest) = ("", text.unicodeScalars)
        while let scalar = rest.popFirst() {
            switch scalar {
            case "\"", "\n": return nil
            case "\\":
                switch rest.popFirst() {
                case "\\": result += "\\"
                case "\"": result += "\""
                case "n": result += "\n"
                default: return nil
                }
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    @Test("have no series twice, whatever VMs are called")
    func namesakes() throws {
        // What cannot be told from each other when it is shown: the same name; long ones; a mark, and its spelling.
        let long = String(repeating: "x", count: 300)
        let entries = try [
            ("web", "vm-1"), ("web", "vm-2"), ("other", "vm-3"), ("\(long)1", "vm-4"), ("\(long)2", "vm-5"),
            ("a\u{202E}", "vm-6"), (printable("a\u{202E}"), "vm-7"),
        ].map { try Self.entry($0.0, id: $0.1) }
        let series = Self.text(entries).filter { !$0.hasPrefix("# ") }.compactMap {
            $0.split(separator: " ").dropLast()
        }
        #expect(Set(series).count == series.count)
        let own = series.map { $0.joined(separator: " ") }.filter { $0.hasPrefix("stillpoint_vm_consistency{") }
        #expect(own.count == 7)
        #expect(own.contains("stillpoint_vm_consistency{vm=\"web\",\(Self.labels),id=\"vm-1\"}"))
        #expect(own.contains("stillpoint_vm_consistency{vm=\"other\",\(Self.labels)}"))
        #expect(own.count { $0.contains(",id=") } == 6)
    }

    @Test("tell of a VM on two datasets for each, and of one that was renamed by its new name")
    func datasets() throws {
        var state = MetricsState()
        _ = Self.text(&state, [try Self.entry("old", id: "vm-1", on: ["tank/VM", "tank/db"])])
        let lines = Self.text(
            &state,
            [try Self.entry("new", .crash, .agentSilent, id: "vm-1", in: Self.next, on: ["tank/VM", "tank/db"])])
        #expect(lines.count { $0.hasPrefix("stillpoint_vm_consistency{vm=\"new\"") } == 2)
        #expect(!lines.contains { $0.contains("vm=\"old\"") })
        #expect(lines.contains(#"stillpoint_fallbacks_total{reason="agent-silent"} 1"#))
    }

    // MARK: what is counted

    @Test("count a run once, however often its end was told")
    func once() throws {
        var state = MetricsState()
        var lines: [String] = []
        for outcome in [HistoryEntry.Outcome.open, .open, .released, .released] {
            lines = Self.text(&state, [try Self.entry("web", .crash, .agentSilent, outcome, frozen: 92)])
        }
        #expect(lines.contains(#"stillpoint_runs_total{outcome="released"} 1"#))
        #expect(lines.contains("stillpoint_frozen_seconds_count 1"))
        #expect(lines.contains(#"stillpoint_fallbacks_total{reason="agent-silent"} 1"#))
        #expect(lines.contains("stillpoint_vm_consecutive_fallbacks{vm=\"web\",\(Self.labels)} 1"))
    }

    @Test("count fallbacks in a row, over runs that are configured to give no more, up to one that gives all")
    func row() throws {
        var state = MetricsState()
        let story: [(ReasonCode?, Int)] = [
            (.agentSilent, 1), (.configured, 1), (.freezeFailed, 2), (.agentSilent, 3), (nil, 0), (.agentSilent, 1),
        ]
        for (number, (reason, expected)) in story.enumerated() {
            let run = try #require(RunID("20261121T11000\(number)Z-1f3c9a"))
            let lines = Self.text(&state, [try Self.entry("web", reason == nil ? .quiesced : .crash, reason, in: run)])
            #expect(lines.contains("stillpoint_vm_consecutive_fallbacks{vm=\"web\",\(Self.labels)} \(expected)"))
        }
    }

    @Test("count a stale VM as the fallback that it is, also of a run that gave no reason")
    func stale() throws {
        var state = MetricsState()
        _ = Self.text(&state, [try Self.entry("web")])
        let lines = Self.text(&state, [try Self.entry("web", .stale, in: Self.next)])
        for line in [
            #"stillpoint_last_success_timestamp_seconds{dataset="tank/VM"} 1795258800"#,
            "stillpoint_vm_consistency{vm=\"web\",\(Self.labels)} -1",
            "stillpoint_vm_fallback{vm=\"web\",\(Self.labels),reason=\"stale\"} 1",
            "stillpoint_vm_consecutive_fallbacks{vm=\"web\",\(Self.labels)} 1",
            #"stillpoint_fallbacks_total{reason="stale"} 1"#,
        ] { #expect(lines.contains(line), "\(line)") }
    }

    @Test("claim nothing for a run without a snapshot", arguments: [HistoryEntry.Outcome.undone, .untaken])
    func noSnapshot(_ outcome: HistoryEntry.Outcome) throws {
        var state = MetricsState()
        _ = Self.text(&state, [try Self.entry("web")])
        let lines = Self.text(&state, [try Self.entry("web", .crash, .agentSilent, in: Self.next, outcome)])
        #expect(lines.contains("stillpoint_vm_consistency{vm=\"web\",\(Self.labels)} 2"))
        #expect(lines.contains(#"stillpoint_last_run_timestamp_seconds{dataset="tank/VM"} 1795345200"#))
        #expect(lines.contains(#"stillpoint_last_success_timestamp_seconds{dataset="tank/VM"} 1795258800"#))
        #expect(lines.contains("stillpoint_runs_total{outcome=\"\(outcome.rawValue)\"} 1"))
    }

    @Test("keep to the newer run where an older one ends after it, and to what is of now where the clock was ahead")
    func order() throws {
        var state = MetricsState()
        let ahead: RunID = "20310101T000000Z-000001"
        let stories: [(RunID, Consistency, Int)] = [
            (Self.next, .quiesced, 2), (Self.run, .crash, 2), (ahead, .crash, 2), (Self.next, .memory, 3),
        ]
        for (run, consistency, expected) in stories {
            let lines = Self.text(&state, [try Self.entry("web", consistency, in: run)])
            #expect(lines.contains("stillpoint_vm_consistency{vm=\"web\",\(Self.labels)} \(expected)"))
        }
        var other = MetricsState()
        _ = Self.text(&other, [try Self.entry("web", .crash, in: ahead)])
        let lines = Self.text(&other, [try Self.entry("web", in: Self.run)])
        #expect(lines.contains("stillpoint_vm_consistency{vm=\"web\",\(Self.labels)} 2"))
    }

    // MARK: the history

    private static func history(_ scratch: ScratchFolder) -> RunHistory { RunHistory(StateDirectory(scratch.path)) }

    @Test("read of the history what is new, also in the file of an older day")
    func increments() throws {
        try withScratchFolder { scratch in
            let history = Self.history(scratch)
            var state = MetricsState()
            try history.append([try Self.entry("web")], on: Self.day, now: Self.now)
            state.update(from: history, open: [], isCounting: true, now: Self.now)
            try history.append([try Self.entry("web", in: Self.next)], on: "2026-11-22", now: Self.now)
            try history.append([try Self.entry("db", in: "20261121T230000Z-1f3c9c")], on: Self.day, now: Self.now)
            state.update(from: history, open: [], isCounting: true, now: Self.now)
            state.update(from: history, open: [], isCounting: true, now: Self.now)
            #expect(state.runs == ["released": 3])
            #expect(state.machines.map(\.name).sorted() == ["db", "web"])
            // A folder that cannot be listed for a moment is not a new one.
            state.update(from: Self.history(ScratchFolder(path: "/nothing")), open: [], isCounting: true, now: Self.now)
            state.update(from: history, open: [], isCounting: true, now: Self.now)
            #expect(state.runs == ["released": 3])
        }
    }

    @Test("count nothing of a day's file that is shorter than it was, and go on from there")
    func shortened() throws {
        try withScratchFolder { scratch in
            let history = Self.history(scratch)
            var state = MetricsState()
            for name in ["a", "b", "c"] { try history.append([try Self.entry(name)], on: Self.day, now: Self.now) }
            state.update(from: history, open: [], isCounting: true, now: Self.now)
            try scratch.write("history/\(Self.day).tsv", "")
            state.update(from: history, open: [], isCounting: true, now: Self.now)
            try history.append([try Self.entry("d", in: "20261121T230000Z-1f3c9c")], on: Self.day, now: Self.now)
            state.update(from: history, open: [], isCounting: true, now: Self.now)
            #expect(state.runs == ["released": 2])
        }
    }

    @Test("drop what was in no run for 30 days")
    func old() throws {
        try withScratchFolder { scratch in
            let history = Self.history(scratch)
            var state = MetricsState()
            try history.append([try Self.entry("old", in: "20261001T110000Z-1f3c9c")], on: "2026-10-01", now: Self.now)
            try history.append(
                [try Self.entry("web"), try Self.entry("gone", on: ["tank/gone"])], on: Self.day, now: Self.now)
            state.update(from: history, open: [], isCounting: true, now: Self.now)
            #expect(state.machines.map(\.name) == ["web", "gone"] && state.runs == ["released": 1])
            try history.append([try Self.entry("web", in: "20261220T110000Z-1f3c9c")], on: "2026-12-20", now: Self.now)
            state.update(from: history, open: [], isCounting: true, now: Self.now + 30 * 86400)
            #expect(state.machines.map(\.name) == ["web"] && state.datasets.map(\.name.rawValue) == ["tank/VM"])
        }
    }

    @Test("remember a counted run as long as it is open, and 1,000 others")
    func remembered() throws {
        try withScratchFolder { scratch in
            let history = Self.history(scratch)
            var state = MetricsState()
            let runs = (0..<1500).compactMap { RunID("20261121T110000Z-\(String(100_000 + $0))") }
            try history.append(runs.map { try Self.entry("web", in: $0) }, on: Self.day, now: Self.now)
            state.update(from: history, open: [runs[0]], isCounting: true, now: Self.now)
            #expect(state.countedRuns == [runs[0]] + runs.suffix(1000))
            try history.append([try Self.entry("web", in: runs[0])], on: Self.day, now: Self.now)
            state.update(from: history, open: [], isCounting: true, now: Self.now)
            #expect(state.runs == ["released": 1500])
        }
    }

    @Test("are made within 2 seconds for 1,000 VMs that are snapshotted four times an hour for days")
    func thousand() throws {
        try withScratchFolder { scratch in
            let history = Self.history(scratch)
            for day in 10...14 {
                let run = try #require(RunID("202611\(day)T110000Z-1f3c9a"))
                let entries = try (0..<1000).map { try Self.entry("vm\($0)", in: run, frozen: 92) }
                for _ in 0..<20 { try history.append(entries, on: "2026-11-\(day)", now: Self.now) }
            }
            var state = MetricsState()
            state.update(from: history, open: [], isCounting: true, now: Self.now)
            try history.append(
                try (0..<1000).map { try Self.entry("vm\($0)", .crash, .agentSilent, in: Self.next) }, on: "2026-11-22",
                now: Self.now)
            let begin = ContinuousClock.now
            let kept = try StateFile.text(state)
            state = try StateFile.decode(
                MetricsState.self, kept, from: "metrics.json", newest: 1, fix: (damaged: "", newer: ""))
            state.update(from: history, open: [], isCounting: true, now: Self.now)
            let text = MetricsText(state, HostMetrics(), now: Self.now).text
            // Debug builds are some times slower.
            #expect(begin.duration(to: .now) < .seconds(10))
            #expect(Self.lines(text).count { $0.hasPrefix("stillpoint_vm_consistency{") } == 1000)
            #expect(state.fallbacks == ["agent-silent": 1000] && state.runs == ["released": 6])
        }
    }
}
