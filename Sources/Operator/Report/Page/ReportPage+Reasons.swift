internal import Hypervisor
internal import Support
internal import ZFS

extension ReportPage {
    /// Beyond, which nothing but a strange history has, reasons are not shown.
    private static let mostReasons = 60
    private static let mostDatasets = 200

    /// Why VMs got less than they were to get, and how often.
    func reasons(_ page: inout Markup) {
        page.element(.section, .labelled(by: Anchor("reasons"))) { page in
            page.element(.h2, .id(Anchor("reasons")), text: "Fallbacks by reason")
            guard !report.reasons.isEmpty else {
                return page.element(.p, .class("quiet"), text: "No VM got less than it was to get.")
            }
            let headings: [StaticString] = ["Reason", "Times, 7 days", "30 days", "All", "VMs", "Last", "By week"]
            table(&page, "Times that a VM got less than it was to get", headings, numbers: 1...5) { page in
                for tally in report.reasons.prefix(Self.mostReasons) { row(&page, tally) }
            }
        }
    }

    private func row(_ page: inout Markup, _ tally: ReasonTally) {
        page.element(.tr) { page in
            page.element(.th, .headsRow) { page in
                if let reason = tally.reason { reasonLink(&page, reason) } else { page.text("not recorded") }
            }
            for count in [tally.count(last: 7), tally.count(last: 30), tally.count(last: tally.byDay.count)] {
                page.element(.td, .class("number"), text: groupedText(count))
            }
            page.element(.td, .class("number"), text: groupedText(tally.machines.count))
            let last = tally.byDay.lastIndex { $0 > 0 }.map { report.days.lowerBound.advanced(by: $0).text }
            page.element(.td, .class("number"), text: last ?? "")
            page.element(.td) { trend(&$0, tally) }
        }
    }

    /// A line for each week, as high as it was frequent.
    private func trend(_ page: inout Markup, _ tally: ReasonTally) {
        let weeks = stride(from: tally.byDay.count, to: 0, by: -7).map { end in
            tally.byDay[max(0, end - 7)..<end].reduce(0) { $0 + Int($1) }
        }.reversed()
        let most = max(1, weeks.max() ?? 1)
        var shape = PathShape()
        for (week, count) in weeks.enumerated() where count > 0 {
            shape.move(Double(week) * 3 + 1.5, 20)
            shape.vertical(to: 20 - max(1.5, 18 * Double(count) / Double(most)))
        }
        page.element(
            .svg, .class("trend"), .number("width", Double(weeks.count) * 3), .number("height", 20), .isHidden
        ) { page in
            page.element(.path, .number("stroke-width", 2), .shape(shape))
        }
    }

    /// The datasets, with what their last run gave.
    func datasets(_ page: inout Markup) {
        page.element(.section, .labelled(by: Anchor("datasets"))) { page in
            page.element(.h2, .id(Anchor("datasets")), text: "Datasets")
            guard !report.datasets.isEmpty else {
                return page.element(.p, .class("quiet"), text: "None held a disk of a VM.")
            }
            let headings: [StaticString] = ["Dataset", "VMs", "Runs", "Last run", "Worst of it"]
            table(&page, "Datasets that hold disks of VMs", headings, numbers: 1...2) { page in
                for tally in report.datasets.prefix(Self.mostDatasets) {
                    page.element(.tr) { page in
                        page.element(.th, .headsRow) { $0.name(printable(tally.name.rawValue, limit: 260)) }
                        page.element(.td, .class("number"), text: groupedText(tally.machines.count))
                        page.element(.td, .class("number"), text: groupedText(tally.runs))
                        page.element(.td, .class("when"), text: minuteText(tally.lastRun))
                        page.element(.td) { page in
                            key(&page, tally.lastCell.worst)
                            page.text(tally.lastCell.worst.shortName)
                        }
                    }
                }
            }
            let rest = report.datasets.count - Self.mostDatasets
            if rest > 0 { page.element(.p, .class("quiet"), text: "and \(counted(rest, "more dataset"))") }
        }
    }

    /// What letters and reasons mean.
    func glossary(_ page: inout Markup) {
        page.element(.section, .labelled(by: Anchor("glossary"))) { page in
            page.element(.h2, .id(Anchor("glossary")), text: "What it means")
            page.element(.h3, text: "Letters")
            page.element(.dl) { page in
                for grade in Grade.allCases.reversed() {
                    page.element(.dt) { page in
                        key(&page, grade)
                        page.text(grade.name)
                    }
                    page.element(.dd, text: grade.meaning)
                }
                if report.evidence == .found {
                    page.element(.dt) { page in
                        page.element(.span, .class("key q ec"), .isHidden, text: "Q")
                        page.element(.span, .class("key q ed"), .isHidden, text: "Q")
                        page.text("evidence")
                    }
                    page.element(
                        .dd,
                        text:
                            "Underlined: the file systems in a snapshot of that day were clean. Struck through: one "
                            + "was dirty, whatever was claimed.")
                }
            }
            page.element(.h3, text: "Reasons")
            page.element(.dl) { page in
                for reason in ReasonCode.all {
                    guard let anchor = Anchor(reason) else { continue }
                    page.element(.dt, .id(anchor)) { $0.element(.code, text: reason.rawValue) }
                    page.element(.dd) { $0.prose("\(reason.title). \(reason.remedy)") }
                }
            }
        }
    }
}
