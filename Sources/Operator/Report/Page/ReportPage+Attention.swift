internal import Hypervisor
internal import Support
internal import ZFS

extension ReportPage {
    /// Rows of a table that are seen at once, and those that can be opened.
    private static let shownRows = 12
    private static let mostRows = 500

    /// VMs that got worse, and runs that failed or are open.
    func attention(_ page: inout Markup) {
        page.element(.section, .labelled(by: Anchor("attention"))) { page in
            page.element(.h2, .id(Anchor("attention")), text: "Needs attention")
            let present = report.machines.indices.filter {
                report.machines[$0].lastRun > report.lastNightEnd - 7 * 86400
            }
            let worse = present.filter { report.machines[$0].hasWorsened }
            let lacking = present.filter { report.machines[$0].isLacking }
            let troubles = report.recentTroubles
            if worse.isEmpty, lacking.isEmpty, troubles.isEmpty {
                page.element(
                    .p, .class("quiet"), text: "Nothing: no VM got less than usual, and no run failed or is open.")
            }
            if !worse.isEmpty { list(&page, "VMs that got less than usual", worse) }
            if !troubles.isEmpty { failed(&page, troubles) }
            if !lacking.isEmpty { list(&page, "VMs that got less than configured\(asBefore)", lacking) }
        }
    }

    private func list(_ page: inout Markup, _ title: String, _ chosen: [Int]) {
        let sorted = chosen.sorted { report.machines[$0].lastNight.worst < report.machines[$1].lastNight.worst }
        parts(&page, sorted, title) { page, title, machines in
            table(&page, title, ["VM", "Usually", "Now", "When", "Why"]) { page in
                for index in machines { row(&page, report.machines[index], labels[index]) }
            }
        }
    }

    private func row(_ page: inout Markup, _ machine: ReportedVM, _ label: String) {
        page.element(.tr) { page in
            page.element(.th, .headsRow) { $0.name(label) }
            page.element(.td) { grades(&$0, machine.usual) }
            page.element(.td) { grades(&$0, machine.lastNight) }
            page.element(.td, .class("when"), text: machine.lowest.map { minuteText($0.time) } ?? "")
            page.element(.td, .class("why")) { page in
                if let reason = machine.lowest?.reason { reasonLink(&page, reason) }
                note(&page, machine.lowest?.note)
            }
        }
    }

    private func failed(_ page: inout Markup, _ troubles: [RunTrouble]) {
        parts(&page, troubles, "Runs that failed or are open") { page, title, troubles in
            table(&page, title, ["Run", "What", "Datasets", "VMs", "Why"], numbers: 3...3) { page in
                for trouble in troubles { row(&page, trouble) }
            }
        }
    }

    private func row(_ page: inout Markup, _ trouble: RunTrouble) {
        page.element(.tr) { page in
            page.element(.th, .headsRow) { page in
                page.element(.code, text: printable(trouble.run))
                let manager = printable(trouble.manager, limit: 30)
                page.element(.small, text: manager.hasPrefix("by ") ? manager : "by \(manager)")
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
                note(&page, trouble.note)
                if let command = trouble.command { page.element(.code, text: command) }
            }
        }
    }

    private func note(_ page: inout Markup, _ note: String?) {
        guard let note, !note.isEmpty else { return }
        page.element(.small) { $0.name(printable(note, limit: 160)) }
    }

    /// The first rows, and the others to be opened.
    private func parts<Row>(
        _ page: inout Markup, _ rows: [Row], _ title: String,
        _ draw: (inout Markup, _ title: String, ArraySlice<Row>) -> Void
    ) {
        draw(&page, title, rows.prefix(Self.shownRows))
        let more = rows.dropFirst(Self.shownRows)
        guard !more.isEmpty else { return }
        page.element(.details) { page in
            let rest = "\(groupedText(more.count)) more"
            page.element(.summary, text: rest)
            draw(&page, "\(title): \(rest)", more.prefix(Self.mostRows))
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
