import Glibc
import Hypervisor
import RunState
import TestSupport
import Testing

@testable import Operator
@testable import ZFS

@Suite("The report's page")
struct ReportPageTests {
    private static let now = HistoryReportBuilderTests.now
    private static let hostile = [
        "<script>alert(1)</script>", #""'><img src=x onerror=alert(1)>"#, "{{7*7}}", "two\nlines", "\u{202E}gpj.exe",
        String(repeating: "x", count: 10_000), "", "</style></title><!--", "a\u{0}b", "&lt;b&gt;",
        "javascript:alert(1)",
        String(repeating: "e\u{301}", count: 50), "]]>", "web", "WEB",
    ]

    private static func entries(_ names: [String], days: Int64) throws -> [HistoryEntry] {
        try names.enumerated().flatMap { index, name in
            try (0..<days).flatMap { day -> [HistoryEntry] in
                let isBad = (day + Int64(index)) % 6 == 0
                let reason = isBad ? index % 2 == 0 ? ReasonCode.agentSilent : ReasonCode(rawValue: name) : nil
                var entry = try HistoryReportBuilderTests.entry(
                    "id\(index)", hoursAgo: day * 24 + 1, isBad ? .crash : .quiesced, reason: reason,
                    day == 9 ? .untaken : .released, digits: "0000a\(index % 10)", frozen: isBad ? nil : 80 + day,
                    notes: isBad ? [name] : [])
                entry.name = name
                if index % 3 == 0 { entry.pausedMilliseconds = 12 }
                guard day % 4 == 0 else { return [entry] }
                let more = try HistoryReportBuilderTests.entry(
                    "id\(index)", hoursAgo: day * 24 + 2, .crash, reason: .configured, digits: "0000b\(index % 10)")
                return [entry, more]
            }
        }
    }

    private static func page(_ names: [String], days: Int64 = 120, evidence: Bool = false) throws -> String {
        let entries = try entries(names, days: days)
        let snapshots = try entries.prefix(evidence ? 60 : 0).map { entry in
            ListedSnapshot(
                name: try SnapshotName("tank/VM@\(entry.run)"), guid: "1",
                properties: [
                    "stillpoint:run": entry.run.text,
                    "stillpoint:evidence": entry.run.text.contains("11") ? "clean" : "dirty",
                ])
        }
        var builder = HistoryReportBuilder(now: now, days: 365, evidence: SnapshotEvidence(snapshots))
        builder.add(entries)
        let open = RunTrouble(
            run: "20261129T110000Z-00000f", time: now - 60, kind: .open, manager: names.first ?? "", datasets: [],
            machineCount: 2, note: names.first)
        var report = builder.report(host: names.first ?? "host", open: names.isEmpty ? [] : [open])
        report.evidence = evidence ? .found : .none
        return String(decoding: ReportPage(report).bytes, as: UTF8.self)
    }

    private static let pages = Result {
        [
            "ordinary": try page(["web01", "db", "mail"], evidence: true), "hostile": try page(hostile),
            "empty": try page([]), "short": try page(["web01"], days: 1),
            "many": try page((0..<120).map { "vm\($0)" }, days: 70),
        ]
    }
    private static let kinds = ["ordinary", "hostile", "empty", "short", "many"]

    @Test("loads nothing, runs nothing, and has each id once and each link's aim", arguments: kinds)
    func closed(_ kind: String) throws {
        let page = try #require(try Self.pages.get()[kind])
        #expect(page.contains("default-src 'none'; style-src 'unsafe-inline'"))
        for word in ["<script", "<img", "<iframe", "<link", "url(", "@import"] {
            #expect(!page.contains(word), "\(word)")
        }
        for tag in page.matches(of: /<[^>]*>/) {
            let names = tag.0.replacing(/"[^"]*"/, with: "")
            #expect(names.matches(of: /\s(on[a-z]+|src|srcset|action|formaction|data)=/).isEmpty, "\(tag.0)")
        }
        let ids = page.matches(of: /\sid="([^"]*)"/).map { String($0.1) }
        #expect(Set(ids).count == ids.count && !ids.isEmpty)
        for link in page.matches(of: /\shref="([^"]*)"/) {
            #expect(link.1.hasPrefix("#") && ids.contains(String(link.1.dropFirst())), "\(link.1)")
        }
    }

    @Test("shows hostile names as text that turns nothing around it, and cuts long ones")
    func hostileNames() throws {
        let page = try #require(try Self.pages.get()["hostile"])
        #expect(page.contains("<bdi>&lt;script&gt;alert(1)&lt;/script&gt;</bdi>"))
        #expect(page.contains("<bdi>(no name)</bdi>"))
        #expect(!page.unicodeScalars.contains("\u{202E}") && !page.contains(String(repeating: "x", count: 200)))
        #expect(page.matches(of: /<\/style>/).count == 1 && page.matches(of: /<\/title>/).count == 1)
        #expect(!page.utf8.contains(0))
    }

    @Test("says what each reason means that it names")
    func meanings() throws {
        let page = try #require(try Self.pages.get()["ordinary"])
        #expect(page.contains(##"<a href="#reason-agent-silent">"##))
        for reason in ReasonCode.all { #expect(page.contains(#"<dt id="reason-\#(reason)">"#)) }
        #expect(page.contains("<dd>The VM has no guest agent channel, or its tools are not installed. Install "))
        #expect(page.contains("Install <code>qemu-guest-agent</code> in the guest"))
        #expect(!page.contains("`"))
    }

    @Test("has rows and columns with headings, and cells that can be heard")
    func headings() throws {
        let page = try #require(try Self.pages.get()["ordinary"])
        let rows = page.matches(of: /(?s)<tbody>(.*?)<\/tbody>/).flatMap { $0.1.matches(of: /<tr>/) }.count
        #expect(page.matches(of: /<th scope="row"/).count == rows && rows > 20)
        #expect(page.matches(of: /<th(?! scope)[ >]/).isEmpty)
        #expect(page.contains(#"<td aria-label="quiesced"#) && page.contains("worst no snapshot, best "))
        #expect(page.contains("<html lang=\"en\">") && page.contains("Skip to what needs attention"))
    }

    @Test("marks evidence that is known")
    func evidence() throws {
        let pages = try Self.pages.get()
        let page = try #require(pages["ordinary"])
        #expect(page.contains(" ec\"") && page.contains(" ed\"") && page.contains(", evidence dirty"))
        #expect(pages["hostile"]?.contains("evidence") == false)
    }

    @Test("begins with the verdict")
    func verdict() throws {
        #expect(try #require(try Self.pages.get()["empty"]).contains("No run is known of the last seven days"))
        var builder = HistoryReportBuilder(now: Self.now, days: 30)
        for day in Int64(0)..<9 {
            builder.add([try HistoryReportBuilderTests.entry("a", hoursAgo: day * 24 + 1)])
            builder.add([try HistoryReportBuilderTests.entry("b", hoursAgo: day * 24 + 1)])
        }
        let page = String(decoding: ReportPage(builder.report(host: "h")).bytes, as: UTF8.self)
        #expect(page.contains("All VMs got what they were to get</h2>"))
        #expect(page.contains("Nothing: no VM got less than usual"))
        for hour in Int64(0)..<2 {
            builder.add([try HistoryReportBuilderTests.entry("new", hoursAgo: hour, .crash, reason: .agentMissing)])
        }
        let worse = String(decoding: ReportPage(builder.report(host: "h")).bytes, as: UTF8.self)
        // Nobody knows what is usual of it.
        #expect(worse.contains("</span>1 VM got less than configured</h2>") && !worse.contains("as before"))
        #expect(worse.contains(">VMs that got less than configured</caption>") && worse.contains("<td>not known</td>"))
        var longer = HistoryReportBuilder(now: Self.now, days: 30)
        for day in (Int64(0)..<9).reversed() {
            longer.add([
                try HistoryReportBuilderTests.entry("new", hoursAgo: day * 24 + 1, .crash, reason: .agentMissing)
            ])
        }
        let usual = String(decoding: ReportPage(longer.report(host: "h")).bytes, as: UTF8.self)
        #expect(usual.contains("</span>1 VM got less than configured, as before</h2>"))
    }

    @Test("calls the best and the worst of a VM so, and a manager that is a person's hand by that alone")
    func words() throws {
        var builder = HistoryReportBuilder(now: Self.now, days: 30)
        for day in (Int64(1)..<9).reversed() {
            builder.add([try HistoryReportBuilderTests.entry("a", hoursAgo: day * 24 + 1)])
        }
        builder.add([try HistoryReportBuilderTests.entry("a", hoursAgo: 2)])
        var entry = try HistoryReportBuilderTests.entry("a", hoursAgo: 1, .crash, reason: .agentSilent, .untaken)
        entry.manager = "by hand"
        builder.add([entry])
        let page = String(decoding: ReportPage(builder.report(host: "h")).bytes, as: UTF8.self)
        let text = page.replacing(/<span class="key[^>]*>.<\/span>/, with: "").replacing(/<[^>]*>/, with: "")
        #expect(text.contains("best quiesced, worst no snapshot"), "\(text)")
        #expect(page.contains("<small>by hand</small>") && !page.contains(" to <span class=\"grade\">"))
    }

    @Test("has the cells of few days beside the names")
    func first() throws {
        var builder = HistoryReportBuilder(now: Self.now, days: 365)
        builder.add([try HistoryReportBuilderTests.entry("a", hoursAgo: 1)])
        let page = String(decoding: ReportPage(builder.report(host: "h")).bytes, as: UTF8.self)
        #expect(page.contains("scroll cal few") && !page.contains("Week by week"))
        #expect(page.matches(of: /<i class="n">(\.+)<\/i>/).allSatisfy { $0.1.count < 7 })
        let long = try #require(try Self.pages.get()["ordinary"])
        #expect(long.contains("Week by week") && long.contains("Earlier months") && long.contains("\"scroll cal\""))
    }

    @Test("has the heading of each cell for a narrow window, in which rows are blocks")
    func narrow() throws {
        let page = try #require(try Self.pages.get()["ordinary"])
        let quoted =
            "--c1:&#39;VM&#39;;--c2:&#39;Usually&#39;;--c3:&#39;Now&#39;;--c4:&#39;When&#39;;--c5:&#39;Why&#39;"
        #expect(page.contains(quoted))
        let most = page.matches(of: /--c([0-9]+):&#39;/).compactMap { Int($0.1) }.max() ?? 0
        #expect((2...most).allSatisfy { page.contains("nth-child(\($0))::before{content:var(--c\($0))}") })
    }

    @Test("is of some kilobytes for a VM, also where every fourth day is another")
    func size() throws {
        let page = try #require(try Self.pages.get()["many"])
        #expect(page.utf8.count < 120 * 6000)
    }

    @Test(
        "is HTML without an error", .enabled(if: access("/usr/bin/tidy", X_OK) == 0, "needs the lab's packages"),
        arguments: kinds)
    func valid(_ kind: String) throws {
        try withScratchFolder { scratch in
            let file = try scratch.write("page.html", try #require(try Self.pages.get()[kind]))
            // tidy exits with 1 for a warning and 2 for an error; html5lib is the parser of the HTML Standard.
            #expect(system("/usr/bin/tidy -q -e '\(file)' >&2") == 0)
            let script = try scratch.write(
                "check.py",
                """
                import html5lib, sys
                parser = html5lib.HTMLParser()
                parser.parse(open(sys.argv[1], 'rb').read())
                sys.exit(f'{parser.errors[:3]}' if parser.errors else 0)
                """)
            #expect(system("/usr/bin/python3 '\(script)' '\(file)' >&2") == 0)
        }
    }

    @Test("has text that stands out from what is behind it, light and dark (WCAG 2.2, 1.4.3)", arguments: [0, 1])
    func contrast(scheme: Int) throws {
        let sheet = ReportStyle.sheet.withUTF8Buffer { String(decoding: $0, as: UTF8.self) }
        let roots = sheet.matches(of: /:root\{([^}]*)\}/).map { String($0.1) }
        let colours = Dictionary(
            roots[scheme].matches(of: /--([a-z]+):#([0-9a-f]{3,6})/).map { (String($0.1), Self.luminance($0.2)) }
        ) { $1 }
        let grades = Grade.allCases.filter { $0 != .none }.map { ($0.styleClass + "i", $0.styleClass, 4.5) }
        let texts = [
            ("ink", "bg", 4.5), ("soft", "bg", 4.5), ("soft", "panel", 4.5), ("link", "bg", 4.5),
            ("link", "panel", 4.5),
            ("alarm", "alarmbg", 4.5), ("soft", "alarmbg", 4.5), ("accent", "bg", 4.5), ("ni", "panel", 4.5),
            ("thin", "panel", 3), ("thick", "panel", 3), ("s", "panel", 3), ("link", "alarmbg", 4.5),
        ]
        for (front, back, least) in grades + texts {
            let (one, other) = (try #require(colours[front]), try #require(colours[back]))
            #expect((max(one, other) + 0.05) / (min(one, other) + 0.05) >= least, "\(front) on \(back)")
        }
    }

    /// Relative luminance, as WCAG defines it.
    private static func luminance(_ hex: Substring) -> Double {
        let digits = hex.count == 3 ? hex.flatMap { [$0, $0] } : Array(hex)
        let parts = stride(from: 0, to: 6, by: 2).map { place -> Double in
            let value = Double(Int(String(digits[place...(place + 1)]), radix: 16) ?? 0) / 255
            return value <= 0.03928 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4)
        }
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
    }
}
