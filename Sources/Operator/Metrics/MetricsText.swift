internal import Support

/// Text in Prometheus' exposition format (https://prometheus.io/docs/instrumenting/exposition_formats/), as
/// node_exporter's textfile collector reads it.
///
/// No two series in it are the same, or node_exporter would refuse the whole file: a second one is left out.
struct MetricsText {
    private(set) var text = ""
    private var current: Metric?
    private var series: Set<String> = []

    /// Adds a series of a metric; those of one metric one after another.
    /// - Parameter suffix: of a histogram's parts: `_bucket`, `_sum`, `_count`.
    mutating func add(_ metric: Metric, _ labels: [(String, String)] = [], _ value: String, suffix: String = "") {
        if current != metric {
            text += "# HELP \(metric.name) \(Self.escapedHelp(metric.help))\n"
            text += "# TYPE \(metric.name) \(metric.kind.rawValue)\n"
            current = metric
        }
        let pairs = labels.map { "\($0.0)=\"\(Self.escaped($0.1))\"" }.joined(separator: ",")
        let name = metric.name + suffix + (pairs.isEmpty ? "" : "{\(pairs)}")
        if series.insert(name).inserted { text += "\(name) \(value)\n" }
    }

    mutating func add(_ metric: Metric, _ labels: [(String, String)] = [], _ value: Int64) {
        add(metric, labels, "\(value)")
    }

    /// Adds a histogram's series: of each bucket what it and those below hold, then sum and count.
    mutating func add(_ metric: Metric, _ histogram: DurationHistogram) {
        var below: Int64 = 0
        for (bound, count) in zip(DurationHistogram.bounds.map { Self.seconds($0) } + ["+Inf"], histogram.counts) {
            below &+= count
            add(metric, [("le", bound)], "\(below)", suffix: "_bucket")
        }
        add(metric, [], Self.seconds(histogram.milliseconds), suffix: "_sum")
        add(metric, [], "\(below)", suffix: "_count")
    }

    /// `0.092`
    static func seconds(_ milliseconds: Int64) -> String {
        let (whole, rest) = max(0, milliseconds).quotientAndRemainder(dividingBy: 1000)
        guard rest > 0 else { return "\(whole)" }
        var digits = String("\(rest + 1000)".dropFirst())
        while digits.hasSuffix("0") { digits.removeLast() }
        return "\(whole).\(digits)"
    }

    /// A name from outside as a label shows it: what would drive a terminal or turn the text around is spelled out, as
    /// in messages, since Prometheus hands labels on to mails, pages and terminals.
    static func label(_ name: String) -> String { printable(name, limit: 200) }

    private static func escaped(_ value: String) -> String {
        guard value.utf8.contains(where: { $0 == 0x5c || $0 == 0x22 || $0 == 0x0a }) else { return value }
        return value.unicodeScalars.reduce(into: "") { text, scalar in
            switch scalar {
            case "\\": text += #"\\"#
            case "\"": text += #"\""#
            case "\n": text += #"\n"#
            default: text.unicodeScalars.append(scalar)
            }
        }
    }

    private static func escapedHelp(_ text: String) -> String {
        text.split(separator: "\n").joined(separator: " ").split(separator: "\\", omittingEmptySubsequences: false)
            .joined(separator: #"\\"#)
    }
}
