extension Duration {
    /// Whole milliseconds, rounded down.
    public var milliseconds: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }

    /// As a person would say it: `40 ms`, `2.5 s`.
    public var text: String {
        let whole = milliseconds
        guard whole >= 1000 else { return "\(whole) ms" }
        let tenths = (whole % 1000) / 100
        return tenths == 0 ? "\(whole / 1000) s" : "\(whole / 1000).\(tenths) s"
    }
}
