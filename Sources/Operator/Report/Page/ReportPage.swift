internal import Engine
internal import RunState
internal import Support
internal import ZFS

/// The report as one HTML page that loads nothing and runs no script.
struct ReportPage {
    let report: RunReport
    /// What each VM is called in the page, in the order of the report.
    let labels: [String]

    init(_ report: RunReport) {
        self.report = report
        labels = Self.labels(of: report.machines)
    }

    var bytes: [UInt8] {
        var page = Markup()
        page.fixed("<!DOCTYPE html>\n")
        page.element(.html, .word("lang", "en")) { page in
            page.element(.head) { head(&$0) }
            page.element(.body) { body(&$0) }
        }
        page.fixed("\n")
        return page.bytes
    }

    private func head(_ page: inout Markup) {
        page.fixed(
            """
            <meta charset="utf-8">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; \
            base-uri 'none'; form-action 'none'">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <meta name="referrer" content="no-referrer">
            <meta name="robots" content="noindex">

            """)
        page.element(.title, text: "VM snapshots on \(printable(report.host)), \(report.days.upperBound.fullText)")
        page.element(.style) { $0.fixed(ReportStyle.sheet) }
    }

    private func body(_ page: inout Markup) {
        page.fixed(##"<a class="skip" href="#attention">Skip to what needs attention</a>"##)
        page.element(.header) { masthead(&$0) }
        page.element(.main) { page in
            summary(&page)
            attention(&page)
            calendars(&page)
            windows(&page)
            reasons(&page)
            datasets(&page)
            glossary(&page)
        }
        page.element(.footer) { page in
            page.element(.p) { footnotes(&$0) }
        }
    }

    private func masthead(_ page: inout Markup) {
        page.element(.p, .class("brand")) { page in
            page.element(.strong, text: "Stillpoint")
            page.text(" snapshot report")
        }
        page.element(.h1) { page in
            page.text("VM snapshots ")
            if let dataset = report.dataset {
                page.text("of ")
                page.name(printable(dataset.rawValue, limit: 260))
                page.text(" ")
            }
            page.text("on ")
            page.name(printable(report.host))
        }
        page.element(.p, .class("meta")) { page in
            page.text("\(report.days.lowerBound.fullText) to \(report.days.upperBound.fullText), made ")
            page.element(.time, .dateTime(utcText(report.now)), text: minuteText(report.now))
        }
        page.fixed(
            """
            <nav aria-label="Parts of this page"><a href="#attention">Attention</a><a href="#calendar">Calendar</a>\
            <a href="#windows">Standstill</a><a href="#reasons">Reasons</a><a href="#datasets">Datasets</a>\
            <a href="#glossary">Legend</a></nav>
            """)
    }

    private func footnotes(_ page: inout Markup) {
        page.text(
            "Days begin at midnight UTC. Consistency is what was observed in each run, as the history in state_dir "
                + "keeps it; before the history began, what the restore points tell. ")
        switch report.evidence {
        case .found: page.text("Evidence is what the snapshots themselves say of the file systems in them. ")
        case .none: page.text("No snapshot says what state the file systems in it are in. ")
        case .notAsked: page.text("zfs did not tell what the snapshots say of the file systems in them. ")
        }
        page.text("Stillpoint \(stillpointVersion).")
    }

    /// Names, each with what tells it from others of that name.
    private static func labels(of machines: [ReportedVM]) -> [String] {
        let names = machines.map { $0.name.isEmpty ? "(no name)" : printable($0.name) }
        let counts = Dictionary(zip(names, repeatElement(1, count: names.count)), uniquingKeysWith: +)
        let longer = zip(machines, names).map { machine, name in
            counts[name] == 1 ? name : "\(name) (\(printable(machine.hypervisor, limit: 30)))"
        }
        let longerCounts = Dictionary(zip(longer, repeatElement(1, count: longer.count)), uniquingKeysWith: +)
        return zip(machines, longer).map { machine, name in
            longerCounts[name] == 1 ? name : "\(name) \(printable(machine.id, limit: 40))"
        }
    }
}

/// `29 Nov 2026, 23:05 UTC`
func minuteText(_ time: Int64) -> String {
    "\(CalendarDay(at: time).fullText), \(utcText(time).dropFirst(11).prefix(5)) UTC"
}

/// `92 ms`, `1.4 s`, `3 min`
func spanText(_ milliseconds: Int64) -> String {
    switch milliseconds {
    case ..<1000: "\(milliseconds) ms"
    case ..<120_000: "\(decimalText(Double(milliseconds) / 1000)) s"
    default: "\(milliseconds / 60_000) min"
    }
}

/// `8,760`
func groupedText(_ number: Int) -> String {
    let digits = Array(String(number.magnitude))
    let groups = digits.indices.map { ($0 > 0 && (digits.count - $0) % 3 == 0 ? "," : "") + String(digits[$0]) }
    return (number < 0 ? "-" : "") + groups.joined()
}

/// `1 VM`, `2 VMs`
func counted(_ number: Int, _ noun: String) -> String { "\(groupedText(number)) \(noun)\(number == 1 ? "" : "s")" }
