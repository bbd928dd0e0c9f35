import Glibc
import Hypervisor
import RunState
import Support
import Testing

@testable import Operator

@Suite("A table")
struct TableTests {
    private func table(_ rows: [[String]]) -> Table {
        var table = Table([
            .init("SNAPSHOT", keeping: .end), .init("VM", keeping: .beginning),
            .init("GOT", colour: Colour.ofConsistency), .init("RAM"),
        ])
        for row in rows { table.add(row) }
        return table
    }

    private static let long = "tank/VM/production/databases@autosnap_2026-11-21_11:00:00_hourly"

    private func lines(_ table: Table, width: Int?, hasColour: Bool = false) -> [String] {
        Array(table.lines(for: Terminal(width: width, hasColour: hasColour)))
    }

    @Test("is as wide as what is in it where no terminal says otherwise")
    func unlimited() {
        let lines = lines(table([[Self.long, "web01", "quiesced", "-"]]), width: nil)
        #expect(
            lines == [
                "SNAPSHOT\(String(repeating: " ", count: 58))VM     GOT       RAM", "\(Self.long)  web01  quiesced  -",
            ])
    }

    @Test(
        "is no wider than the terminal, whatever is in it", arguments: Array(1...100) + [1000],
        [
            "web01", "日本語の仮想マシン", "e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}", "👩‍👩‍👧‍👦 family", "שלום עולם",
            "\u{202E}gpj.exe", "two\nlines", "tab\there", "\u{1B}[31mred", "한국어 이름", "<script>", "",
        ])
    func width(_ width: Int, name: String) {
        let table = table([
            [printable(Self.long, limit: 260), printable(name), "stale since 2026-11-21T11:00:00Z", "1.0G"],
            [printable("tank@a"), printable(name), "off", "-"],
        ])
        let lines = lines(table, width: width)
        #expect(lines.count == 3)
        for line in lines {
            #expect(cellWidth(line) <= width, "\(line)")
            #expect(!line.contains("\n") && !line.contains("\u{1B}") && !line.contains("\u{202E}"))
        }
    }

    @Test("keeps the end of a snapshot's name and the beginning of a VM's")
    func shortening() {
        let lines = lines(
            table([[Self.long, "a-machine-with-quite-a-long-name.example.com", "quiesced", "1.0G"]]), width: 70)
        #expect(lines[1].hasPrefix("…"))
        #expect(lines[1].contains("_11:00:00_hourly  a-machine-with"))
        #expect(lines[1].contains("…  quiesced  1.0G"))
        #expect(cellWidth(lines[1]) == 70)
    }

    @Test("loses a column that says nothing before it shortens anything")
    func void() {
        let rows = [[Self.long, "web01", "quiesced", "-"]]
        let whole = lines(table(rows), width: nil)[1].count
        #expect(lines(table(rows), width: whole)[0].hasSuffix("RAM") == false)
        #expect(lines(table(rows), width: whole + 2)[0].hasSuffix("RAM"))
        #expect(lines(table(rows), width: whole - 3)[1] == "\(Self.long)  web01  quiesced")
    }

    @Test("of runs loses what is worth least, and never the day and the minute", arguments: [200, 100, 80, 60, 40])
    func worth(width: Int) {
        let run = ExplainReport.PastRun(
            run: "20261130T013100Z-0000aa", time: 1_795_915_860, ageSeconds: 60, manager: "sanoid", outcome: .released,
            snapshots: ["tank/VM@autosnap_2026-11-30_01:31:00_hourly"], consistency: .crash, strategy: .crashConsistent,
            reason: .agentSilent, frozenMilliseconds: 92, pausedMilliseconds: 3, overlayBytes: nil, notes: [])
        let machine = ExplainReport.Machine(
            vm: "web", vmID: "1", hypervisor: "local", runs: [run],
            lastDays: ExplainReport.Summary(days: 30, runs: 1, consistencies: [], reasons: []))
        let headings = ["TIME", "SNAPSHOT", "GOT", "STRATEGY", "REASON", "FROZEN", "PAUSED", "OUTCOME"]
        let lines = lines(machine.table, width: width)
        let shown = lines[0].split(separator: " ").map(String.init)
        #expect(shown.allSatisfy { headings.contains($0) } && shown.starts(with: ["TIME"]), "\(lines[0])")
        #expect(shown.contains("GOT") && shown.contains("OUTCOME") && (width >= 100) == (shown.count == 8))
        let times = ["2026-11-30 01:31:00Z  "] + (width < 200 ? ["11-30 01:31Z  "] : [])
        #expect(times.contains { lines[1].hasPrefix($0) }, "\(lines[1])")
        #expect(width < 80 || shown.contains("REASON") && shown.contains("SNAPSHOT"))
        #expect(lines.allSatisfy { cellWidth($0) <= width })
    }

    @Test(
        "stands among sentences that are wrapped between words",
        arguments: [
            ("one two three four five six", 16, "one two three\n  four five six"),
            ("  fix: a b c d e f g h", 17, "  fix: a b c d e\n    f g h"),
            ("short", 16, "short"), ("one-word-that-is-wider-than-all", 16, "one-word-that-is-wider-than-all"),
            ("日本語 日本語 日本語", 16, "日本語 日本語\n  日本語"),
        ])
    func wrapping(line: String, width: Int, expected: String) {
        #expect(wrapped(line, to: width) == expected)
        #expect(wrapped(line, to: nil) == line)
    }

    @Test("has its columns below one another where letters are wide or have marks")
    func aligned() {
        let lines = lines(
            table([["a@b", "日本", "off", "1B"], ["a@b", "e\u{301}", "off", "2B"], ["a@b", "plain", "off", "3B"]]),
            width: 80)
        for (line, bytes) in zip(lines.dropFirst(), ["1B", "2B", "3B"]) {
            #expect(line.hasSuffix(bytes) && cellWidth(line) == 24, "\(line)")
        }
    }

    @Test(
        "counts the cells of a terminal",
        arguments: [
            ("", 0), ("abc", 3), ("日本", 4), ("한국", 4), ("e\u{301}", 1), ("é", 1), ("ｆｕｌｌ", 8), ("ﾊﾝｶｸ", 4), ("👍", 2),
            ("שלום", 4), ("…", 1), ("\u{200B}", 0), ("─", 1), ("🇩🇪", 2),
        ])
    func cells(text: String, expected: Int) {
        #expect(cellWidth(text) == expected)
    }

    @Test(
        "shortens between letters, and never in the middle of a wide one",
        arguments: [
            ("日本語", 6, "日本語", "日本語"), ("日本語", 5, "日本…", "…本語"), ("日本語", 4, "日…", "…語"), ("日本語", 1, "…", "…"),
            ("日本語", 0, "", ""), ("e\u{301}o\u{308}u\u{308}", 2, "e\u{301}…", "…u\u{308}"), ("abc", 2, "a…", "…c"),
        ])
    func letters(text: String, width: Int, beginning: String, end: String) {
        #expect(shortened(text, to: width, keeping: .beginning) == beginning)
        #expect(shortened(text, to: width, keeping: .end) == end)
    }

    @Test("has a consistency in its colour, on a terminal that has some")
    func colours() {
        let rows = ["memory", "quiesced", "off", "crash", "stale since 2026-11-21T11:00:00Z"].map {
            ["a@b", "vm", $0, "-"]
        }
        let plain = lines(table(rows), width: 80)
        let coloured = lines(table(rows), width: 80, hasColour: true)
        #expect(plain.allSatisfy { !$0.contains("\u{1B}") } && coloured[0] == plain[0])
        let numbers = coloured.dropFirst().map {
            $0.split(separator: "\u{1B}").dropFirst().first.map(String.init) ?? "-"
        }
        #expect(numbers == ["[32mmemory", "[32mquiesced", "-", "[33mcrash", "[31mstale since 2026-11-21T11:00:00Z"])
        #expect(coloured.dropFirst().count { $0.contains("\u{1B}[0m") } == 4)
        // A machine is called as it likes.
        #expect(Colour.ofConsistency("crashed") == nil && Colour.ofConsistency("") == nil)
    }

    @Test(
        "takes colours from nobody but a terminal that has some, and has none with NO_COLOR",
        arguments: [
            (["TERM": "xterm"], true), (["TERM": "dumb"], false), ([:], false), (["TERM": ""], false),
            (["TERM": "xterm", "NO_COLOR": "1"], false), (["TERM": "xterm", "NO_COLOR": ""], true),
        ] as [([String: String], Bool)])
    func terminal(environment: [String: String], hasColour: Bool) {
        let (terminal, other) = Self.pair(columns: 97)
        defer {
            close(terminal)
            close(other)
        }
        #expect(Terminal(descriptor: terminal, environment: environment) == Terminal(width: 97, hasColour: hasColour))
        #expect(Terminal(descriptor: terminal, environment: ["COLUMNS": "40"]).width == 40)
        for nonsense in ["", "x", "0", "-3"] {
            #expect(Terminal(descriptor: terminal, environment: ["COLUMNS": nonsense]).width == 97)
        }
    }

    @Test("has neither width nor colours in a file")
    func file() {
        let file = open("/dev/null", O_WRONLY)
        defer { close(file) }
        #expect(Terminal(descriptor: file, environment: ["TERM": "xterm", "COLUMNS": "40"]) == .none)
    }

    @Test("has no width on a terminal that knows none")
    func serial() {
        let (terminal, other) = Self.pair(columns: 0)
        defer {
            close(terminal)
            close(other)
        }
        #expect(Terminal(descriptor: terminal, environment: [:]).width == nil)
    }

    @Test("paints lines: a problem's word, a consistency behind a name, what is refused")
    func lines() {
        let palette = Palette(isOn: true)
        #expect(palette.checkLine("problem: x; fix: y") == "\u{1B}[31mproblem:\u{1B}[0m x; fix: y")
        #expect(palette.checkLine("warning: x") == "\u{1B}[33mwarning:\u{1B}[0m x")
        #expect(palette.checkLine("ok: problem: x") == "ok: problem: x")
        #expect(palette.showLine("a: b: quiesced") == "a: b: \u{1B}[32mquiesced\u{1B}[0m")
        #expect(
            palette.showLine("web: stale since 2026-11-21T11:00:00Z")
                == "web: \u{1B}[31mstale since 2026-11-21T11:00:00Z\u{1B}[0m")
        #expect(palette.showLine("    id: crash") == "    id: crash" && palette.showLine("plain") == "plain")
        #expect(palette.planLine("    vda: /a (b): refused: c") == "    vda: /a (b): \u{1B}[31mrefused:\u{1B}[0m c")
        #expect(palette.planLine("refused: running, on local") == "refused: running, on local")
        #expect(palette.statusLine("    problem: x") == "    \u{1B}[31mproblem: x\u{1B}[0m")
        let off = Palette(isOn: false)
        for line in ["problem: x", "web: crash", "    a: refused"] {
            #expect([off.checkLine(line), off.showLine(line), off.planLine(line)] == [line, line, line])
        }
    }

    /// A terminal of that width and its other end.
    private static func pair(columns: UInt16) -> (Int32, Int32) {
        // As ptmx(4) and ioctl_tty(2) have it: glibc hides unlockpt(3) and ptsname(3) from Swift.
        let other = Glibc.open("/dev/ptmx", O_RDWR | O_NOCTTY)
        var (number, isLocked): (Int32, Int32) = (0, 0)
        #expect(other >= 0 && ioctl(other, 0x4004_5431, &isLocked) == 0 && ioctl(other, 0x8004_5430, &number) == 0)
        let terminal = Glibc.open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
        var size = winsize(ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        #expect(ioctl(terminal, UInt(TIOCSWINSZ), &size) == 0)
        return (terminal, other)
    }
}
