/// Text in columns, two spaces between them: one line a row, whatever its cells hold and however narrow the terminal is.
struct Table {
    struct Column: Sendable {
        /// Which part of a cell stays where the column is made narrower.
        enum Kept: Sendable {
            /// All of it, as long as others can give way.
            case whole
            case beginning
            /// Of a snapshot's name the time is at the end.
            case end
        }

        let heading: String
        var kept = Kept.whole
        /// The colour of a cell that says that.
        var colour: @Sendable (String) -> Colour? = { _ in nil }

        init(_ heading: String, keeping kept: Kept = .whole, colour: @escaping @Sendable (String) -> Colour? = { _ in nil }) {
            self.heading = heading
            self.kept = kept
            self.colour = colour
        }
    }

    let columns: [Column]
    private(set) var rows: [[String]] = []
    /// In cells of a terminal.
    private var widths: [Int]
    /// A column that can give way stays as wide as that, and every other as `narrowest`, as far as the terminal has room.
    private static let narrow = 12
    private static let narrowest = 4
    private static let gap = 2

    init(_ columns: [Column]) {
        self.columns = columns
        widths = columns.map { cellWidth($0.heading) }
    }

    /// Adds a row with a cell for each column, each of which is fit for one line (`printable`).
    mutating func add(_ row: [String]) {
        for (column, cell) in row.enumerated() { widths[column] = max(widths[column], cellWidth(cell)) }
        rows.append(row)
    }

    /// All of it, as wide as it is, without colours.
    var text: String { lines(for: .none).map { $0 + "\n" }.joined() }

    /// The lines, that of the headings first, made one after another.
    func lines(for terminal: Terminal) -> some Sequence<String> {
        let widths = terminal.width.map { fitted(to: $0) } ?? self.widths
        let total = widths.reduce(0, +) + Self.gap * (widths.count - 1)
        // So narrow a terminal has no room for all columns.
        let cut = terminal.width.flatMap { $0 < total ? $0 : nil }
        let palette = Palette(isOn: terminal.hasColour && cut == nil)
        return (-1..<rows.count).lazy.map { place in
            let line = self.line(
                place < 0 ? columns.map(\.heading) : rows[place], widths, isHeader: place < 0, palette)
            return cut.map { shortened(line, to: $0, keeping: .beginning) } ?? line
        }
    }

    private func line(_ row: [String], _ widths: [Int], isHeader: Bool, _ palette: Palette) -> String {
        var line = ""
        var blanks = 0
        for (column, cell) in row.enumerated() {
            let shown = shortened(cell, to: widths[column], keeping: columns[column].kept)
            if !shown.isEmpty {
                line += String(repeating: " ", count: blanks)
                blanks = 0
                line += isHeader ? shown : palette.paint(shown, columns[column].colour(cell))
            }
            blanks += widths[column] - cellWidth(shown) + Self.gap
        }
        return line
    }

    /// The widest give way first: those whose cells can be shortened sensibly, then all.
    private func fitted(to width: Int) -> [Int] {
        var widths = self.widths
        let room = width - Self.gap * (widths.count - 1)
        var excess = widths.reduce(0, +) - room
        let stages = [
            (widths.indices.filter { columns[$0].kept != .whole }, Self.narrow), (Array(widths.indices), Self.narrowest),
        ]
        for (candidates, floor) in stages {
            while excess > 0, let widest = candidates.max(by: { widths[$0] < widths[$1] }), widths[widest] > floor {
                widths[widest] -= 1
                excess -= 1
            }
        }
        return widths
    }
}
