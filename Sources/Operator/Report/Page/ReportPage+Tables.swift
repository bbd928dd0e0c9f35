internal import Hypervisor
internal import Support

extension ReportPage {
    /// The first of some names, and how many more there are.
    func names(_ page: inout Markup, _ names: [String]) {
        for (index, name) in names.prefix(3).enumerated() {
            if index > 0 { page.text(", ") }
            page.name(printable(name, limit: 120))
        }
        if names.count > 3 { page.text(" and \(groupedText(names.count - 3)) more") }
    }

    /// A reason's code, with a link to what it means.
    func reasonLink(_ page: inout Markup, _ reason: ReasonCode) {
        guard let anchor = Anchor(reason) else {
            return page.element(.code) { $0.name(printable(reason.rawValue, limit: 60)) }
        }
        page.element(.a, .href(anchor)) { $0.element(.code, text: reason.rawValue) }
    }

    /// What a VM got, the best and the worst of it.
    func grades(_ page: inout Markup, _ cell: DayCell) {
        guard cell.worst != .none else { return page.text("not known") }
        guard cell.best != cell.worst else { return grade(&page, cell.worst) }
        page.text("best ")
        grade(&page, cell.best)
        page.text(", worst ")
        grade(&page, cell.worst)
    }

    private func grade(_ page: inout Markup, _ grade: Grade) {
        page.element(.span, .class("grade")) { page in
            key(&page, grade)
            page.text(grade.shortName)
        }
    }

    /// A table with headings; where the window is narrow, each row is a block in which each cell has its heading.
    /// - Parameter numbers: the columns of numbers, from 0.
    func table(
        _ page: inout Markup, _ caption: String, _ headings: [StaticString], numbers: ClosedRange<Int>? = nil,
        rows: (inout Markup) -> Void
    ) {
        page.element(.div, .class("scroll"), .word("tabindex", "0"), .word("role", "region"), .label(caption)) { page in
            page.element(.table, .class("list"), .columns(headings)) { page in
                page.element(.caption, text: caption)
                page.element(.thead) { page in
                    page.element(.tr) { page in
                        for (index, heading) in headings.enumerated() {
                            let isNumber = numbers?.contains(index) ?? false
                            page.element(
                                .th, attributes: [.headsColumn] + (isNumber ? [.class("number")] : [])
                            ) { $0.fixed(heading) }
                        }
                    }
                }
                page.element(.tbody) { rows(&$0) }
            }
        }
    }
}
