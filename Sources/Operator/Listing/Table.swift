/// Text in columns, two spaces between them: one line a row, whatever its cells hold and however narrow the terminal is.
///
/// What is wider than the terminal loses columns that say nothing first; then those that are worth the least, where to make
/// others narrower does not do.
struct Table {
    struct Column: Sendable {
        /// Which part of a cell stays where the column is made narrower.
        enum Kept: Sendable {
            /// All of it, as long as others can give way.
            case whole
            case beginning
            /// Of a snapshot's name the time is at the end.
            case end
            /// Of `2026-11-21 11:00:00Z` at least `11-21 11:00Z`.
            case time
        }

        let heading: String
        var kept = Kept.whole
        /// The column with the lowest is left out first where there is no room for all; nil: never.
        var worth: Int?
        /// The colour of a cell that says that.
        var colour: @Sendable (String) -> Colour? = { _ in nil }

        init(
            _ heading: String, keeping kept: Kept = .whole, worth: Int? = nil,
            colour: @escaping @Sendable (String) -> Colour? = { _ in nil }
        ) {
            self.heading = heading
            self.kept = kept
            self.worth = worth
            self.colour = colour
        }
    }

    let columns: [Column]
    private(set) var rows: [[String]] = []
    /// In cells of a terminal.
    private var widths: [Int]
    /// Those in which every cell is `-`, so far.
    private var isVoid: [Bool]
    /// A column that can give way stays as wide as that, and every other as `narrowest`, as far as the terminal has room.
    private static let narrow = 12
    /// Before a time loses its year, the others that can give way come down to that.
    private static let comfortable = 20
    private static let narrowest = 4
    private static let gap = 2

    init(_ columns: [Column]) {
        self.columns = columns
        widths = columns.map { cellWidth($0.heading) }
        isVoid = columns.map { _ in true }
    }

    /// Adds a row with a cell for each column, each of which is fit for one line (`printable`).
    mutating func add(_ row: [String]) {
        for (column, cell) in row.enumerated() {
            widths[column] = max(widths[column], cellWidth(cell))
            if cell != "-" { isVoid[column] = false }
        }
        rows.append(row)
    }

    /// All of it, as wide as it is, without colours.
    var text: String { lines(for: .none).map { $0 + "\n" }.joined() }

    /// The lines, that of the headings first, made one after another.
    func lines(for terminal: Terminal) -> some Sequence<String> {
        var shown = Array(columns.indices)
        var widths = self.widths
        if let width = terminal.width {
            while Self.total(shown.map { widths[$0] }) > width, let void = shown.last(where: { isVoid[$0] }),
                shown.count > 1
            {
                shown.removeAll { $0 == void }
            }
            while Self.total(shown.map(least)) > width, let worthless = leastWorthy(of: shown) {
                shown.removeAll { $0 == worthless }
            }
            widths = fitted(shown, to: width)
        }
        let total = Self.total(shown.map { widths[$0] })
        // So narrow a terminal has no room for all columns.
        let cut = terminal.width.flatMap { $0 < total ? $0 : nil }
        let palette = Palette(isOn: terminal.hasColour && cut == nil)
        let (columns, fitted) = (shown, widths)
        return (-1..<rows.count).lazy.map { place in
            let line =
                place < 0
                ? self.line(self.columns.map(\.heading), columns, fitted, Palette(isOn: false))
                : self.line(rows[place], columns, fitted, palette)
            return cut.map { shortened(line, to: $0, keeping: .beginning) } ?? line
        }
    }

    private static func total(_ widths: [Int]) -> Int { widths.reduce(0, +) + gap * (widths.count - 1) }

    private func line(_ row: [String], _ columns: [Int], _ widths: [Int], _ palette: Palette) -> String {
        var line = ""
        var blanks = 0
        for column in columns {
            let shown = shortened(row[column], to: widths[column], keeping: self.columns[column].kept)
            if !shown.isEmpty {
                line += String(repeating: " ", count: blanks)
                blanks = 0
                line += palette.isOn ? palette.paint(shown, self.columns[column].colour(row[column])) : shown
            }
            blanks += widths[column] - cellWidth(shown) + Self.gap
        }
        return line
    }

    /// Nil where none may be left out.
    private func leastWorthy(of shown: [Int]) -> Int? {
        shown.filter { columns[$0].worth != nil }.min { (columns[$0].worth ?? 0) < (columns[$1].worth ?? 0) }
    }

    /// How narrow a column becomes before others are left out for it.
    private func least(_ column: Int) -> Int {
        let heading = cellWidth(columns[column].heading)
        return columns[column].kept == .whole ? widths[column] : min(widths[column], max(heading, Self.narrow))
    }

    /// The widest give way first: those whose cells can be shortened sensibly, then all.
    private func fitted(_ shown: [Int], to width: Int) -> [Int] {
        var widths = self.widths
        var excess = Self.total(shown.map { widths[$0] }) - width
        let times = shown.filter { columns[$0].kept == .time }
        let texts = shown.filter { columns[$0].kept == .beginning || columns[$0].kept == .end }
        let stages = [
            (texts, Self.comfortable), (times, Self.narrow), (texts, Self.narrow), (shown, Self.narrowest),
        ]
        for (candidates, floor) in stages {
            while excess > 0,
                let widest = candidates.max(by: { widths[$0] < widths[$1] }), widths[widest] > floor
            {
                widths[widest] -= 1
                excess -= 1
            }
        }
        return widths
    }
}
