internal import Hypervisor
internal import Support
internal import ZFS

extension ReportPage {
    /// Rows of a table beyond are summed up.
    private static let mostRows = 50

    /// VMs that got worse, and runs that failed or are open.
    func attention(_ page: inout Markup) {
        page.element(.section, .labelled(by: Anchor("attention"))) { page in
            page.element(.h2, .id(Anchor("attention")), text: "Needs attention")
            let worse = report.machines.indices.filter {
                report.machines[$0].lastRun > report.lastNightEnd - 7 * 86400 && report.machines[$0].hasWorsened
            }
            let troubles = report.recentTroubles
            if worse.isEmpty, troubles.isEmpty {
                page.element(
                    .p, .class("quiet"), text: "Nothing: no VM got less than usual, and no run failed or is open.")
            }
            if !worse.isEmpty { worsened(&page, worse) }
            if !troubles.isEmpty { failed(&page, troubles) }
        }
    }

    private func worsened(_ page: inout Markup, _ worse: [Int]) {
        let sorted = worse.sorted { report.machines[$0].lastNight.worst < report.machines[$1].lastNight.worst }
        table(&page, "VMs that got less than usual", ["VM", "Usually", "Now", "When", "Why"]) { page in
            for index in sorted.prefix(Self.mostRows) {
                let machine = report.machines[index]
                page.element(.tr) { page in
                    page.element(.th, .headsRow) { $0.name(labels[index]) }
                    page.element(.td) { grades(&$0, machine.usual) }
                    page.element(.td) { grades(&$0, machine.lastNight) }
                    page.element(.td, .class("when"), text: machine.lowest.map { minuteText($0.time) } ?? "")
                    page.element(.td, .class("why")) { page in
                        if let reason = machine.lowest?.reason { link(&page, reason) }
                        if let note = machine.lowest?.note {
                            page.element(.small) { $0.name(printable(note, limit: 160)) }
                        }
                    }
                }
            }
        }
        rest(&page, sorted.count, "VM")
    }

    private func failed(_ page: inout Markup, _ troubles: [RunTrouble]) {
        table(&page, "Runs that failed or are open", ["Run", "What", "Datasets", "VMs", "Why"], numbers: 3...3) { page in
            for trouble in troubles.prefix(Self.mostRows) {
                page.element(.tr) { page in
                    page.element(.th, .headsRow) { page in
                        page.element(.code, text: printable(trouble.run))
                        page.element(.small, text: "by \(printable(trouble.manager, limit: 30))")
                    }
                    page.element(.td) { page in
                        page.element(.span, .class("grade")) { page in
                            key(&page, trouble.kind.grade)
                            page.text(trouble.kind.text)
                        }
                    }
                    page.element(.td) { page in names(&page, trouble.datasets.map(\.rawValue)) }
                    page.element(.td, .class("number"), text: groupedText(trouble.machineCount))
                    page.element(.td, .class("why")) { page in
                        if let note = trouble.note { page.element(.small) { $0.name(printable(note, limit: 160)) } }
                        if let command = trouble.command { page.element(.code, text: command) }
                    }
                }
            }
        }
        rest(&page, troubles.count, "run")
    }

    private func rest(_ page: inout Markup, _ count: Int, _ noun: String) {
        guard count > Self.mostRows else { return }
        page.element(.p, .class("quiet"), text: "and \(counted(count - Self.mostRows, "more \(noun)"))")
    }

    /// The first of some names, and how many more there are.
    func names(_ page: inout Markup, _ names: [String]) {
        for (index, name) in names.prefix(3).enumerated() {
            if index > 0 { page.text(", ") }
            page.name(printable(name, limit: 120))
        }
        if names.count > 3 { page.text(" and \(groupedText(names.count - 3)) more") }
    }

    /// A reason's code, with a link to what it means.
    func link(_ page: inout Markup, _ reason: ReasonCode) {
        guard let anchor = Anchor(reason) else {
            return page.element(.code) { $0.name(printable(reason.rawValue, limit: 60)) }
        }
        page.element(.a, .href(anchor)) { $0.element(.code, text: reason.rawValue) }
    }

    private func grades(_ page: inout Markup, _ cell: DayCell) {
        guard cell.worst != .none else { return page.text("not known") }
        grade(&page, cell.worst)
        guard cell.best != cell.worst else { return }
        page.text(" to ")
        grade(&page, cell.best)
    }

    private func grade(_ page: inout Markup, _ grade: Grade) {
        page.element(.span, .class("grade")) { page in
            key(&page, grade)
            page.text(grade.shortName)
        }
    }

    /// A table with headings, in a box that scrolls where the window is narrow.
    /// - Parameter numbers: the columns of numbers, from 0.
    func table(
        _ page: inout Markup, _ caption: String, _ headings: [String], numbers: ClosedRange<Int>? = nil,
        rows: (inout Markup) -> Void
    ) {
        page.element(.div, .class("scroll"), .word("tabindex", "0"), .word("role", "region"), .label(caption)) { page in
            page.element(.table, .class("list")) { page in
                page.element(.caption, text: caption)
                page.element(.thead) { page in
                    page.element(.tr) { page in
                        for (index, heading) in headings.enumerated() {
                            let isNumber = numbers?.contains(index) ?? false
                            page.element(
                                .th, attributes: [.headsColumn] + (isNumber ? [.class("number")] : [])
                            ) { $0.text(heading) }
                        }
                    }
                }
                page.element(.tbody) { rows(&$0) }
            }
        }
    }
}

extension RunTrouble.Kind {
    fileprivate var grade: Grade {
        switch self {
        case .undone, .untaken: .failed
        case .left, .open: .open
        }
    }

    fileprivate var text: String {
        switch self {
        case .undone: "undone, as on_failure = abort wants"
        case .untaken: "no snapshot was taken"
        case .left: "something could not be released"
        case .open: "open now"
        }
    }
}

extension RunTrouble {
    /// What to do about it.
    fileprivate var command: String? {
        switch kind {
        case .undone, .untaken: nil
        case .left: "stillpoint check"
        case .open: "stillpoint recover --run \(run)"
        }
    }
}
