import Engine
import Glibc
import Hypervisor
import TestSupport
import Testing
import ZFS

@testable import JSON
@testable import Operator
@testable import RunState

@Suite("What monitoring reads")
struct MonitoringTests {
    private static let folder = "examples/monitoring"
    private static let rules = "stillpoint.rules.yml"
    private static let names = Set(
        Metric.all.flatMap { metric in
            metric.kind == .histogram ? ["_bucket", "_sum", "_count", ""].map { metric.name + $0 } : [metric.name]
        })

    /// A host on which everything is, and VMs have names that somebody chose.
    private static func metrics() throws -> String {
        var state = MetricsState()
        let names = [
            "web01", "it's \"quoted\"", "{braces}", "<script>alert(1)</script>", "two\nlines", "\u{202E}gpj", "a\\nb",
            "\u{0}", "", "ünïcödé", "same", "same",
        ]
        let entries = try names.enumerated().map { number, name in
            var entry = HistoryEntry(
                run: try #require(RunID("20261121T110000Z-1f3c9a")), manager: "sanoid", outcome: .released,
                hypervisor: "local", id: "vm-\(number)", name: name,
                datasets: [try DatasetName("tank/VM"), try DatasetName("tank/with blank")], consistency: .quiesced)
            entry.reason = number % 2 == 0 ? nil : ReasonCode(rawValue: "later\"word\n")
            (entry.frozenMilliseconds, entry.pausedMilliseconds) = (92, 61_000)
            return entry
        }
        state.take(entries, isCounting: true, now: 1_795_348_800)
        let host = HostMetrics(
            openRuns: 1, oldestOpenRun: 1_795_348_000, abandonedRuns: 1, backlogRuns: 2, backlogBytes: 1 << 40)
        return MetricsText(state, host, now: 1_795_348_800).text
    }

    @Test("is a table in docs/monitoring.md: each metric, as it is written")
    func table() throws {
        let table = try #require(try Page("docs/monitoring.md").tables.first { $0.columns.first == "metric" })
        #expect(table.columns == ["metric", "type", "labels", "unit", "meaning"])
        let rows = Metric.all.map { metric in
            [
                "`\(metric.name)`", metric.kind.rawValue, metric.labels.map { "`\($0)`" }.joined(separator: ", "),
                unit(of: metric.name), metric.help,
            ]
        }
        #expect(table.rows == rows)
    }

    private func unit(of name: String) -> String {
        if name.hasSuffix("_timestamp_seconds") { return "seconds since 1970" }
        return name.hasSuffix("_seconds") ? "seconds" : name.hasSuffix("_bytes") ? "bytes" : ""
    }

    @Test("has each of the metrics once, with its type and its labels", arguments: Metric.all.map(\.name))
    func emitted(_ name: String) throws {
        let metric = try #require(Metric.all.first { $0.name == name })
        let lines = try Self.metrics().split(separator: "\n")
        #expect(lines.count { $0 == "# TYPE \(name) \(metric.kind.rawValue)" } == 1)
        #expect(lines.count { $0.hasPrefix("# HELP \(name) ") } == 1)
        let series = lines.filter { $0.hasPrefix(name + "{") || $0.hasPrefix(name + " ") }
        #expect(series.isEmpty == (metric.kind == .histogram))
        for line in series {
            for label in metric.labels { #expect(line.contains("\(label)=\""), "\(line)") }
        }
    }

    @Test(
        "is named in the examples as it is written",
        arguments: [rules, "stillpoint.rules.test.yml", "grafana-dashboard.json", "README.md"])
    func examples(_ file: String) throws {
        let text = try Page("\(Self.folder)/\(file)").text
        let found = Set(text.matches(of: /\bstillpoint_[a-z0-9_]+/).map { String($0.0) })
        #expect(found.subtracting(Self.names).subtracting(["stillpoint_"]).isEmpty)
        if file != "README.md" { #expect(found.count > 10) }
        let labels = Set(Metric.all.flatMap(\.labels) + ["instance", "job", "id", "le", "datasource"])
        for match in text.matches(of: /\$labels\.([a-z]+)/) { #expect(labels.contains(String(match.1))) }
        for match in text.matches(of: /(?:by|ignoring|on) \(([a-z, ]+)\)/) where match.1 != "alertname" {
            #expect(labels.isSuperset(of: match.1.split(separator: ",").map { String($0.filter { $0 != " " }) }))
        }
    }

    @Test("is described by each alert, which says what to type")
    func alerts() throws {
        let text = try Page("\(Self.folder)/\(Self.rules)").text
        let alerts = text.matches(of: /- alert: (\w+)/).map { String($0.1) }
        #expect(alerts.count > 10 && Set(alerts).count == alerts.count)
        for part in ["severity:", "summary:", "description:", "runbook:"] {
            #expect(text.matches(of: try Regex(part)).count == alerts.count, "\(part)")
        }
        let commands = try Programs.ours.get().commands
        for match in text.matches(of: /runbook: "stillpoint ([a-z]+)/) { #expect(commands.contains(String(match.1))) }
        let tested = try Page("\(Self.folder)/stillpoint.rules.test.yml").text
        for alert in alerts { #expect(tested.contains("\"\(alert)\"}', value: 1}"), "\(alert) is not seen to fire") }
    }

    @Test("is on the dashboard: panels with targets of the chosen data source")
    func dashboard() throws {
        let text = try Page("\(Self.folder)/grafana-dashboard.json").text
        let dashboard = try JSONValue(parsing: Array(text.utf8), within: .json)
        let panels = dashboard["panels"]?.elements ?? []
        #expect(Set(panels.compactMap { $0["title"]?.asText }).count == panels.count && panels.count > 10)
        let variables = (dashboard["templating"]?["list"]?.elements ?? []).compactMap { $0["name"]?.asText }
        #expect(variables == ["datasource", "instance", "dataset", "vm"])
        for panel in panels {
            let targets = panel["targets"]?.elements ?? []
            #expect(!targets.isEmpty)
            for target in targets {
                #expect(target["datasource"]?["uid"]?.asText == "${datasource}")
                let expression = target["expr"]?.asText ?? ""
                #expect(expression.contains("stillpoint_"))
                for match in expression.matches(of: /\$([a-z]+)/) where match.1 != "__rate" {
                    #expect(variables.contains(String(match.1)))
                }
            }
        }
    }

    // MARK: promtool

    private static let promtool: String? = {
        guard let path = getenv("PATH") else { return nil }
        return String(cString: path).split(separator: ":").map { "\($0)/promtool" }.first { access($0, X_OK) == 0 }
    }()
    /// In the lab it must be there.
    private static let isTried = promtool != nil || getenv("STILLPOINT_LAB") != nil
    private static let reason: Comment = "needs promtool: run 'make test', or install Debian's prometheus"

    private func accept(_ arguments: String, input: String = "") throws {
        let program = try #require(Self.promtool)
        let said = try shell("cd '\(Page.top)/\(Self.folder)' && '\(program)' \(arguments)", input: input)
        #expect(said.status == 0, "\(said.output)")
    }

    @Test("is accepted by promtool, without a word", .enabled(if: isTried, reason))
    func check() throws {
        let program = try #require(Self.promtool)
        let said = try shell("'\(program)' check metrics", input: try Self.metrics())
        #expect(said.status == 0 && said.output.isEmpty, "\(said.output)")
    }

    @Test(
        "is what the alerts are told of by promtool: each fires when it should, and only then",
        .enabled(if: isTried, reason))
    func ruleTests() throws {
        try accept("check rules \(Self.rules)")
        try accept("test rules stillpoint.rules.test.yml")
    }

    @Test("is read by each expression of the dashboard, as promtool sees them", .enabled(if: isTried, reason))
    func expressions() throws {
        let text = try Page("\(Self.folder)/grafana-dashboard.json").text
        let dashboard = try JSONValue(parsing: Array(text.utf8), within: .json)
        let targets = (dashboard["panels"]?.elements ?? []).flatMap { $0["targets"]?.elements ?? [] }
        let rules = targets.compactMap { $0["expr"]?.asText }.enumerated().map { number, expression in
            let fixed = expression.split(separator: "$__rate_interval").joined(separator: "1h")
            return "      - record: panel:\(number)\n        expr: '\(fixed)'\n"
        }
        try withScratchFolder { scratch in
            let file = try scratch.write("rules.yml", "groups:\n  - name: panels\n    rules:\n\(rules.joined())")
            try accept("check rules '\(file)'")
        }
    }
}
