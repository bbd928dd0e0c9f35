extension ReportPage {
    /// The verdict, four figures, and what the VMs got in the last night.
    func summary(_ page: inout Markup) {
        let present = report.present
        let consistent = present.filter { $0.lastNight.best.isConsistent }.count
        page.element(.section, .class("summary"), .labelled(by: Anchor("verdict"))) { page in
            verdict(&page)
            page.element(.ul, .class("figures")) { page in
                figure(&page, groupedText(present.count), present.count == 1 ? "VM" : "VMs", machinesDetail)
                figure(&page, "\(groupedText(consistent)) of \(groupedText(present.count))", "consistent", nightText)
                let worse = report.worsened.count
                figure(&page, groupedText(worse), "got worse", "against the two weeks before", isBad: worse > 0)
                let troubles = report.recentTroubles
                let open = troubles.filter(\.kind.isOpen).count
                figure(
                    &page, groupedText(troubles.count),
                    troubles.count == 1 ? "run failed or open" : "runs failed or open",
                    "in the last seven days; \(groupedText(open)) open now", isBad: !troubles.isEmpty)
            }
            guard !present.isEmpty else { return }
            page.element(.div, .class("bars")) { page in
                let best = bar(of: present.map(\.lastNight.best)), worst = bar(of: present.map(\.lastNight.worst))
                if best.map(\.count) == worst.map(\.count) {
                    bar(&page, "\(nightText), by VM", best)
                } else {
                    bar(&page, "\(nightText): the best snapshot of each VM", best)
                    bar(&page, "\(nightText): the worst snapshot of each VM", worst)
                }
            }
        }
    }

    var nightText: String {
        report.lastNightEnd == report.now
            ? "in the last 24 hours" : "in the 24 hours to the last run, \(minuteText(report.lastNightEnd))"
    }

    private var machinesDetail: String {
        let gone = report.machines.count - report.present.count
        return "\(counted(report.runCount, "run"))"
            + (gone == 0 ? "" : "; \(groupedText(gone)) more without a run for a week")
    }

    private func verdict(_ page: inout Markup) {
        let present = report.present
        let parts = complaints
        let isWell = parts.isEmpty && !present.isEmpty
        page.element(.h2, .id(Anchor("verdict")), .class(isWell ? "verdict well" : "verdict ill")) { page in
            page.element(.span, .class("sign"), .isHidden, text: isWell ? "\u{2713}" : "!")
            guard !present.isEmpty else {
                let known = parts.isEmpty ? "" : "; \(parts.joined(separator: ", "))"
                return page.text("No run is known of the last seven days\(known)")
            }
            guard isWell else { return page.text(parts.joined(separator: ", ")) }
            let idle = present.filter { $0.lastNight.worst == .none }.count
            page.text(present.count == 1 ? "The VM got what it was to get" : "All VMs got what they were to get")
            if idle > 0 { page.text("; \(counted(idle, "VM")) had no run") }
        }
    }

    /// What is said of those that got less than configured; nothing of what there is no earlier run to tell.
    var asBefore: String { report.isLackingUsual ? ", as before" : "" }

    private var complaints: [String] {
        let (worse, lacking) = (report.worsened.count, report.lacking.count)
        let troubles = report.recentTroubles.count
        var parts: [String] = []
        if worse > 0 { parts.append("\(counted(worse, "VM")) got less than usual") }
        if lacking > 0 { parts.append("\(counted(lacking, "VM")) got less than configured\(asBefore)") }
        if troubles > 0 { parts.append("\(counted(troubles, "run")) failed or \(troubles == 1 ? "is" : "are") open") }
        return parts
    }

    private func figure(
        _ page: inout Markup, _ number: String, _ what: String, _ detail: String, isBad: Bool = false
    ) {
        page.element(.li, attributes: isBad ? [.class("bad")] : []) { page in
            page.element(.b, text: number)
            page.element(.span, text: what)
            page.element(.small, text: detail)
        }
    }

    private func bar(of grades: [Grade]) -> [(grade: Grade, count: Int)] {
        Grade.allCases.reversed().compactMap { grade in
            let count = grades.filter { $0 == grade }.count
            return count == 0 ? nil : (grade, count)
        }
    }

    private func bar(_ page: inout Markup, _ caption: String, _ parts: [(grade: Grade, count: Int)]) {
        let total = parts.reduce(0) { $0 + $1.count }
        page.element(.p, .class("caption"), text: caption.prefix(1).uppercased() + caption.dropFirst())
        page.element(.div, .class("bar"), .isHidden) { page in
            for part in parts {
                page.element(
                    .span, .class(part.grade.styleClass),
                    .width(percent: Double(part.count) * 100 / Double(max(1, total)))
                ) { $0.element(.b, text: String(part.grade.letter)) }
            }
        }
        page.element(.ul, .class("keys")) { page in
            for part in parts {
                page.element(.li) { page in
                    key(&page, part.grade)
                    page.element(.b, text: groupedText(part.count))
                    page.text(" \(part.grade.name)")
                }
            }
        }
    }

    /// A cell of the calendar, for a legend.
    func key(_ page: inout Markup, _ grade: Grade) {
        page.element(.span, .class("key \(grade.styleClass)"), .isHidden, text: String(grade.letter))
    }
}
