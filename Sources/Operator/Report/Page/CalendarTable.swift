/// A calendar: what each VM got in units of time, days or weeks, which stand in columns.
struct CalendarTable {
    /// Some units beneath one heading.
    struct Column {
        let units: Range<Int>
        /// What stands above them, each over so many of them.
        let ticks: [(text: String, units: Int)]
    }

    let columns: [Column]
    /// What a unit is called: `21 Nov`.
    let unitText: (Int) -> String
    let cell: (ReportedVM, Int) -> DayCell
    /// Whether what is not well says so where the pointer rests.
    let hasTitles: Bool

    /// In pixels, as in the style sheet.
    static let pitch = 16

    func head(_ page: inout Markup) {
        page.element(.thead) { page in
            page.element(.tr) { page in
                page.element(.th, .headsColumn, .class("vm"), text: "VM")
                for column in columns {
                    page.element(.th, .headsColumn) { page in
                        for tick in column.ticks {
                            page.element(
                                .span, .class("tick"), .width(pixels: tick.units * Self.pitch), text: tick.text)
                        }
                    }
                }
            }
        }
    }

    func row(_ page: inout Markup, _ machine: ReportedVM, label: String) {
        page.element(.tr) { page in
            // What has no room is shown where the pointer rests.
            let title = label.utf8.count > 22 ? [MarkupAttribute.title(label)] : []
            page.element(.th, attributes: [.headsRow, .class("vm")] + title) { $0.name(label) }
            for column in columns { cell(&page, machine, column) }
        }
    }

    private func cell(_ page: inout Markup, _ machine: ReportedVM, _ column: Column) {
        let runs = runs(of: machine, in: column.units)
        page.element(.td, .label(text(of: runs, in: column.units))) { page in
            for run in runs { draw(&page, run) }
        }
    }

    private struct Run {
        let cell: DayCell
        var units: Range<Int>
    }

    /// Neighbours that are the same, in one: a year of sameness is a few elements.
    private func runs(of machine: ReportedVM, in units: Range<Int>) -> [Run] {
        var runs: [Run] = []
        for unit in units {
            let cell = cell(machine, unit)
            if let last = runs.last, last.cell == cell {
                runs[runs.count - 1].units = last.units.lowerBound..<(unit + 1)
            } else {
                runs.append(Run(cell: cell, units: unit..<(unit + 1)))
            }
        }
        return runs
    }

    private func draw(_ page: inout Markup, _ run: Run) {
        let cell = run.cell
        let mark =
            switch cell.evidence {
            case .unknown: ""
            case .clean: " ec"
            case .dirty: " ed"
            }
        let isTold = hasTitles && (!cell.worst.isWell && cell.worst != .none || cell.evidence == .dirty)
        let title = isTold ? "\(text(of: run.units)): \(cell.text)" : nil
        let count = run.units.count
        if cell.best == cell.worst {
            letters(&page, .i, cell.worst, count, mark, title: title)
        } else {
            // The best above the worst.
            let titles = title.map { [MarkupAttribute.title($0)] } ?? []
            page.element(.i, attributes: [.class("d" + mark)] + titles) { page in
                letters(&page, .b, cell.best, count, "")
                letters(&page, .b, cell.worst, count, "")
            }
        }
    }

    private func letters(
        _ page: inout Markup, _ tag: MarkupTag, _ grade: Grade, _ count: Int, _ mark: String, title: String? = nil
    ) {
        let titles = title.map { [MarkupAttribute.title($0)] } ?? []
        page.element(tag, attributes: [.class(grade.styleClass + mark)] + titles) { page in
            page.text(String(repeating: grade.letter, count: count))
        }
    }

    private func text(of units: Range<Int>) -> String {
        units.count == 1
            ? unitText(units.lowerBound) : "\(unitText(units.lowerBound)) to \(unitText(units.upperBound - 1))"
    }

    /// For those who hear it: `quiesced`; `23 Nov to 25 Nov quiesced; 26 Nov stale`; of much change how often what.
    private func text(of runs: [Run], in units: Range<Int>) -> String {
        if runs.count == 1 { return runs[0].cell.text }
        if runs.count <= 4 { return runs.map { "\(text(of: $0.units)) \($0.cell.text)" }.joined(separator: "; ") }
        let counts = Dictionary(runs.map { ($0.cell.worst, $0.units.count) }, uniquingKeysWith: +)
        return counts.sorted { $0.key > $1.key }.map { "\($0.value) times \($0.key.name)" }.joined(separator: ", ")
    }
}
