extension ReportPage {
    /// VMs in one table: with more, a browser lays out only those tables that are in sight.
    private static let machinesPerTable = 50
    private static let recentWeeks = 8
    /// With no more units a row would be too short for the page's width.
    private static let fewUnits = 42

    /// The last eight weeks by day, all by week, and each earlier month by day.
    func calendars(_ page: inout Markup) {
        page.element(.section, .labelled(by: Anchor("calendar"))) { page in
            page.element(.h2, .id(Anchor("calendar")), text: "Calendar")
            guard !report.machines.isEmpty else {
                return page.element(.p, .class("quiet"), text: "No VM was in a run.")
            }
            legend(&page)
            page.element(.h3, text: recentTitle)
            tables(&page, recent, recentTitle)
            guard recentStart > report.days.lowerBound else { return }
            let weeks = weeksTitle
            let isOpen = report.machines.count <= Self.machinesPerTable ? [MarkupAttribute.word("open", "")] : []
            page.element(.details, attributes: [.class("wide")] + isOpen) { page in
                page.element(.summary, text: weeks)
                page.element(
                    .p, .class("quiet"), text: "A cell is a week, from Monday on. It has the best and the worst of it.")
                tables(&page, byWeek, weeks)
            }
            page.element(.h3, text: "Earlier months, day by day")
            for month in earlierMonths {
                let title = "\(month.lowerBound.monthName) \(month.lowerBound.date.year)"
                let present = report.machines.indices.filter { index in
                    month.contains { report.machines[index].cells[offset($0)].worst != .none }
                }
                page.element(.details) { page in
                    page.element(.summary) { page in
                        page.text(title)
                        page.element(.small) { monthSummary(&$0, month, present) }
                    }
                    if !present.isEmpty { tables(&page, byDay(month), title, present) }
                }
            }
        }
    }

    private func legend(_ page: inout Markup) {
        page.element(.ul, .class("keys legend"), .label("Legend")) { page in
            for grade in Grade.allCases.reversed() {
                page.element(.li) { page in
                    key(&page, grade)
                    page.text(grade.name)
                }
            }
            page.element(.li) { page in
                page.element(.span, .class("key split"), .isHidden) { page in
                    page.element(.b, .class("q"), text: "Q")
                    page.element(.b, .class("f"), text: "F")
                }
                page.text("best above worst")
            }
            guard report.evidence == .found else { return }
            for (mark, name) in [("ec", "evidence clean"), ("ed", "evidence dirty")] {
                page.element(.li) { page in
                    page.element(.span, .class("key q \(mark)"), .isHidden, text: "Q")
                    page.text(name)
                }
            }
        }
    }

    private func tables(_ page: inout Markup, _ table: CalendarTable, _ title: String, _ chosen: [Int]? = nil) {
        let chosen = chosen ?? Array(report.machines.indices)
        for start in stride(from: 0, to: chosen.count, by: Self.machinesPerTable) {
            let part = chosen[start..<min(start + Self.machinesPerTable, chosen.count)]
            let isWhole = part.count == chosen.count
            let what = isWhole ? title : "\(title): \(labels[part.first ?? 0]) to \(labels[part.last ?? 0])"
            let isShort = table.columns.reduce(0) { $0 + $1.units.count } <= Self.fewUnits
            let classes = "scroll cal" + (isWhole ? "" : " many") + (isShort ? " few" : "")
            page.element(
                .div, .class(classes), .word("tabindex", "0"),
                .word("role", "region"), .label(what)
            ) { page in
                page.element(.table) { page in
                    page.element(.caption, attributes: isWhole ? [.class("hidden")] : []) { page in
                        guard !isWhole else { return page.text(title) }
                        page.name(labels[part.first ?? 0])
                        page.text(" to ")
                        page.name(labels[part.last ?? 0])
                    }
                    table.head(&page)
                    page.element(.tbody) { page in
                        for index in part { table.row(&page, report.machines[index], label: labels[index]) }
                    }
                }
            }
        }
    }

    /// How many VM-days of a month were what.
    private func monthSummary(_ page: inout Markup, _ month: ClosedRange<CalendarDay>, _ machines: [Int]) {
        var counts: [Grade: Int] = [:]
        for index in machines {
            for cell in report.machines[index].cells[offset(month.lowerBound)...offset(month.upperBound)] {
                if cell.worst != .none { counts[cell.worst, default: 0] += 1 }
            }
        }
        guard !counts.isEmpty else { return page.text("no run") }
        let bad = counts.filter { !$0.key.isWell }
        let total = counts.values.reduce(0, +)
        page.text("\(counted(machines.count, "VM")), \(counted(total, "day")) of a VM")
        for (grade, count) in bad.sorted(by: { $0.key < $1.key }) {
            page.text(", ")
            key(&page, grade)
            page.text("\(groupedText(count)) \(grade.name)")
        }
    }

    // MARK: units and columns

    private func offset(_ day: CalendarDay) -> Int { report.days.lowerBound.distance(to: day) }

    private var recentStart: CalendarDay {
        max(
            report.days.lowerBound,
            report.days.upperBound.monday.advanced(by: -7 * (Self.recentWeeks - 1)))
    }

    private var recentTitle: String { "Day by day since \(recentStart.text)" }
    private var weeksTitle: String { "Week by week since \(report.days.lowerBound.fullText)" }

    private var recent: CalendarTable {
        var columns: [CalendarTable.Column] = []
        var day = recentStart
        while day <= report.days.upperBound {
            let end = min(day.monday.advanced(by: 7), report.days.upperBound.advanced(by: 1))
            let units = offset(day)..<offset(end)
            columns.append(CalendarTable.Column(units: units, ticks: [(tick(day, units.count), units.count)]))
            day = end
        }
        return CalendarTable(columns: columns, unitText: dayText, cell: { $0.cells[$1] }, hasTitles: true)
    }

    /// Where there is no room for a month's name, the day of it.
    private func tick(_ day: CalendarDay, _ units: Int) -> String { units < 3 ? "\(day.date.day)" : day.text }

    private func dayText(_ unit: Int) -> String { report.days.lowerBound.advanced(by: unit).text }

    /// Its units are the weeks from that of the first day on.
    private var byWeek: CalendarTable {
        let first = report.days.lowerBound.monday
        let count = (first.distance(to: report.days.upperBound) + 7) / 7
        let start = report.days.lowerBound
        let dayCount = report.days.count
        var columns: [CalendarTable.Column] = []
        var week = 0
        while week < count {
            let month = first.advanced(by: week * 7).firstOfMonth
            var end = week + 1
            while end < count, first.advanced(by: end * 7).firstOfMonth == month { end += 1 }
            let name = month.monthName.prefix(3)
            let text = month.date.month == 1 && end - week > 3 ? "\(name) \(month.date.year)" : String(name)
            columns.append(
                CalendarTable.Column(
                    units: week..<end, ticks: [(end - week < 2 ? String(text.prefix(1)) : text, end - week)]))
            week = end
        }
        return CalendarTable(
            columns: columns, unitText: { "week of \(first.advanced(by: $0 * 7).text)" },
            cell: { machine, week in
                var cell = DayCell()
                let begin = start.distance(to: first.advanced(by: week * 7))
                for day in max(0, begin)..<min(begin + 7, dayCount) { cell.add(machine.cells[day]) }
                return cell
            }, hasTitles: false)
    }

    private var earlierMonths: [ClosedRange<CalendarDay>] {
        var months: [ClosedRange<CalendarDay>] = []
        var last = recentStart.advanced(by: -1)
        while last >= report.days.lowerBound {
            months.append(max(last.firstOfMonth, report.days.lowerBound)...last)
            last = last.firstOfMonth.advanced(by: -1)
        }
        return months
    }

    private func byDay(_ month: ClosedRange<CalendarDay>) -> CalendarTable {
        var ticks: [(text: String, units: Int)] = []
        var day = month.lowerBound
        while day <= month.upperBound {
            let end = min(day.advanced(by: 7), month.upperBound.advanced(by: 1))
            ticks.append(("\(day.date.day)", day.distance(to: end)))
            day = end
        }
        let units = offset(month.lowerBound)..<(offset(month.upperBound) + 1)
        return CalendarTable(
            columns: [CalendarTable.Column(units: units, ticks: ticks)], unitText: dayText, cell: { $0.cells[$1] },
            hasTitles: false)
    }
}
