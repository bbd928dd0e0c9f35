internal import Hypervisor

/// The colours that are used, by their numbers (ECMA-48, SGR).
enum Colour: Int, Sendable {
    case red = 31
    case green = 32
    case yellow = 33

    /// Of a word that begins with a consistency: `stale since 2026-11-21T11:00:00Z`.
    static func ofConsistency(_ text: String) -> Colour? {
        switch text.split(separator: " ").first.flatMap({ Consistency(rawValue: String($0)) }) {
        case .memory, .quiesced: .green
        case .crash: .yellow
        case .stale: .red
        case .off, nil: nil
        }
    }
}

/// Paints words of what is fit for a terminal already.
struct Palette: Sendable {
    let isOn: Bool

    func paint(_ text: String, _ colour: Colour?) -> String {
        guard isOn, let colour, !text.isEmpty else { return text }
        return "\u{1B}[\(colour.rawValue)m\(text)\u{1B}[0m"
    }

    /// A line of `stillpoint check`: `problem: WHAT`.
    func checkLine(_ line: String) -> String {
        for (word, colour) in [("problem:", Colour.red), ("warning:", .yellow)] where line.hasPrefix(word) {
            return paint(word, colour) + line.dropFirst(word.count)
        }
        return line
    }

    /// A line of `stillpoint show`: `NAME: quiesced`.
    func showLine(_ line: String) -> String {
        if line.hasSuffix("that file is MISSING") { return paint(line, .red) }
        let parts = line.split(separator: ":", omittingEmptySubsequences: false)
        guard isOn, !line.hasPrefix(" "), parts.count > 1 else { return line }
        // `stale since 2026-11-21T11:00:00Z` has colons, too, without a blank behind them.
        guard let last = parts.indices.last(where: { $0 > 0 && parts[$0].hasPrefix(" ") }) else { return line }
        let claim = parts[last...].joined(separator: ":").dropFirst()
        return parts[..<last].joined(separator: ":") + ": " + paint(String(claim), .ofConsistency(String(claim)))
    }

    /// A line of `stillpoint plan`: what is refused, and what would fail, is red.
    func planLine(_ line: String) -> String {
        guard isOn, line.hasPrefix(" ") else { return line }
        let words = line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        return words.indices.map { place in
            let isRed =
                words[place] == "refused" || words[place] == "refused:"
                || words[place] == "fail:" && place > 0 && words[place - 1] == "would"
            return isRed ? paint(words[place], .red) : words[place]
        }.joined(separator: " ")
    }
}
