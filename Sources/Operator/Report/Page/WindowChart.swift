internal import Glibc

/// A chart of windows over days, 1000 wide and 200 high.
struct WindowChart {
    private let windows: [WindowTally]
    /// The scale's ends, as powers of ten of milliseconds.
    private let scale: (low: Double, high: Double)

    private static let left = 52.0, right = 992.0, top = 10.0, bottom = 176.0

    init(_ windows: [WindowTally]) {
        self.windows = windows
        let known = windows.filter { $0.count > 0 }
        let low = Self.power(known.map(\.median).min() ?? 1) - 0.15
        scale = (low, max(low + 0.5, Self.power(known.map(\.longest).max() ?? 1) + 0.1))
    }

    /// 10, 20, 50, 100, …, as many of them as there is room for.
    private var marks: [Int64] {
        let isWide = scale.high - scale.low > 2.2
        let all = (0...12).flatMap { power in
            (isWide ? [1] : [1, 2, 5]).map { Int64(pow(10, Double(power))) * $0 }
        }
        return all.filter { (scale.low...scale.high).contains(Self.power($0)) }
    }

    private static func power(_ milliseconds: Int64) -> Double { log10(Double(max(1, milliseconds))) }

    private func height(_ milliseconds: Int64) -> Double {
        let share = (Self.power(milliseconds) - scale.low) / (scale.high - scale.low)
        return Self.bottom - share * (Self.bottom - Self.top)
    }

    private var dayWidth: Double { (Self.right - Self.left) / Double(max(1, windows.count)) }
    private func place(_ day: Int) -> Double { Self.left + (Double(day) + 0.5) * dayWidth }

    func draw(_ page: inout Markup, from first: CalendarDay) {
        for milliseconds in marks {
            let y = height(milliseconds)
            page.element(
                .line, .class("grid"), .number("x1", Self.left), .number("x2", Self.right), .number("y1", y),
                .number("y2", y))
            page.element(
                .svgText, .class("axis"), .number("x", Self.left - 6), .number("y", y + 4), .word("text-anchor", "end"),
                text: spanText(milliseconds))
        }
        months(&page, from: first)
        var (thin, thick, dots) = (PathShape(), PathShape(), PathShape())
        let dot = min(4, max(1.6, dayWidth * 0.8))
        for (day, window) in windows.enumerated() where window.count > 0 {
            let x = place(day)
            thin.move(x, height(window.median))
            thin.vertical(to: height(window.longest))
            thick.move(x, height(window.median))
            thick.vertical(to: height(window.nearlyAll))
            dots.move(x - dot / 2, height(window.median))
            dots.horizontal(to: x + dot / 2)
        }
        let width = min(8, dayWidth * 0.6)
        page.element(.path, .class("thin"), .number("stroke-width", max(0.8, width / 3)), .shape(thin))
        page.element(.path, .class("thick"), .number("stroke-width", max(1.2, width)), .shape(thick))
        page.element(.path, .class("dots"), .number("stroke-width", 3), .shape(dots))
    }

    private func months(_ page: inout Markup, from first: CalendarDay) {
        for day in windows.indices {
            let date = first.advanced(by: day)
            // In a short report each Monday.
            guard windows.count > 70 ? date.date.day == 1 : date.weekday == 0 else { continue }
            let x = place(day)
            page.element(
                .line, .class("grid"), .number("x1", x), .number("x2", x), .number("y1", Self.bottom),
                .number("y2", Self.bottom + 5))
            page.element(
                .svgText, .class("axis"), .number("x", x + 2), .number("y", Self.bottom + 17),
                text: windows.count > 70 ? String(date.monthName.prefix(3)) : date.text)
        }
    }
}
