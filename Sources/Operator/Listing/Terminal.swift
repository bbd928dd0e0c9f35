internal import Glibc

/// What standard output is, for what people read.
struct Terminal: Sendable, Equatable {
    /// In cells; nil: as wide as what is written.
    var width: Int?
    var hasColour = false

    /// A file or a pipe.
    static let none = Terminal()

    init(width: Int? = nil, hasColour: Bool = false) {
        self.width = width
        self.hasColour = hasColour
    }

    /// `COLUMNS` is believed before the terminal itself; colours are off with `NO_COLOR` (no-color.org) and on a terminal
    /// that has none.
    init(descriptor: Int32, environment: [String: String]) {
        guard isatty(descriptor) == 1 else { return }
        width = environment["COLUMNS"].flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil } ?? Self.width(of: descriptor)
        let kind = environment["TERM"] ?? ""
        hasColour = (environment["NO_COLOR"] ?? "").isEmpty && !kind.isEmpty && kind != "dumb"
    }

    /// Nil where it does not say, as a serial console.
    private static func width(of descriptor: Int32) -> Int? {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
        return Int(size.ws_col)
    }
}
