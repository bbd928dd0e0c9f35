extension ReportPage {
    /// For how long guests stood still: a chart for file systems and one for whole VMs, and the longest.
    func windows(_ page: inout Markup) {
        page.element(.section, .labelled(by: Anchor("windows"))) { page in
            page.element(.h2, .id(Anchor("windows")), text: "How long guests stood still")
            let hasFrozen = report.frozen.contains { $0.count > 0 }
            let hasPaused = report.paused.contains { $0.count > 0 }
            guard hasFrozen || hasPaused else {
                return page.element(.p, .class("quiet"), text: "No guest did.")
            }
            page.element(
                .p, .class("quiet"),
                text:
                    "Each day from the middle one (dot) to the longest (thin line); the thick line ends where nineteen "
                    + "of twenty do. The scale is logarithmic.")
            if hasFrozen {
                chart(&page, report.frozen, "File systems frozen")
                longest(&page)
            }
            if hasPaused { chart(&page, report.paused, "VMs paused") }
        }
    }

    private func chart(_ page: inout Markup, _ windows: [WindowTally], _ title: String) {
        page.element(.h3, text: title)
        let chart = WindowChart(windows)
        let all = windows.filter { $0.count > 0 }
        let longest = all.map(\.longest).max() ?? 0
        let label =
            "\(title), \(counted(all.reduce(0) { $0 + $1.count }, "time")) on \(counted(all.count, "day")), "
            + "at the longest \(spanText(longest)); the table below has the figures by week"
        page.element(.div, .class("scroll"), .word("tabindex", "0"), .word("role", "region"), .label(title)) { page in
            page.element(
                .svg, .word("viewBox", "0 0 1000 200"), .word("role", "img"), .class("chart"), .label(label)
            ) { chart.draw(&$0, from: report.days.lowerBound) }
        }
        page.element(.details) { page in
            page.element(.summary, text: "\(title): figures by week")
            let headings: [StaticString] = ["Week of", "Times", "Middle", "Nineteen of twenty", "Longest"]
            table(&page, "\(title), by week", headings, numbers: 1...4) { weeks(&$0, windows) }
        }
    }

    private func weeks(_ page: inout Markup, _ windows: [WindowTally]) {
        var day = report.days.upperBound
        while day >= report.days.lowerBound {
            let first = max(day.monday, report.days.lowerBound)
            let range = report.days.lowerBound.distance(to: first)...report.days.lowerBound.distance(to: day)
            let week = windows[range].filter { $0.count > 0 }
            if !week.isEmpty {
                let middle = week.map(\.median).sorted()[(week.count - 1) / 2]
                let figures = [
                    groupedText(week.reduce(0) { $0 + $1.count }), spanText(middle),
                    spanText(week.map(\.nearlyAll).max() ?? 0), spanText(week.map(\.longest).max() ?? 0),
                ]
                page.element(.tr) { page in
                    page.element(.th, .headsRow, text: day.monday.fullText)
                    for figure in figures { page.element(.td, .class("number"), text: figure) }
                }
            }
            day = day.monday.advanced(by: -1)
        }
    }

    private func longest(_ page: inout Markup) {
        let top = report.machines.indices.compactMap { index in
            report.machines[index].longestFrozen.map { (index, milliseconds: $0.milliseconds, time: $0.time) }
        }.sorted { ($1.milliseconds, $0.0) < ($0.milliseconds, $1.0) }.prefix(5)
        page.element(.p, .class("keys")) { page in
            page.element(.span, text: "Longest:")
            for (index, milliseconds, time) in top {
                page.element(.span) { page in
                    page.name(labels[index])
                    page.element(.b, text: " \(spanText(milliseconds))")
                    page.text(" on \(CalendarDay(at: time).text)")
                }
            }
        }
    }
}
