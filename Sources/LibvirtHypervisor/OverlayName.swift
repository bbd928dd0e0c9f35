internal import Storage

/// What the name of an overlay of ours says: see `OverlayFile.path`.
struct OverlayName: Sendable, Equatable {
    let machineName: String
    let machineID: String
    let target: String
    let run: String

    /// - Returns: nil for every other file.
    init?(_ path: String) {
        let file = FileAccess.lastComponent(path)
        guard file.hasSuffix(".qcow2") else { return nil }
        let stem = file.dropLast(6)
        let run = String(stem.suffix(23))
        guard runTime(inName: run) != nil, run.suffix(6).allSatisfy(\.isHexDigit) else { return nil }
        let words = stem.dropLast(23)
        guard words.hasSuffix("-"), let mark = words.dropLast().lastIndex(of: "-") else { return nil }
        let id = String(words[..<mark].suffix(36))
        guard Self.isUUID(id), words[..<mark].count > 37 else { return nil }
        (self.run, machineID) = (run, id)
        target = String(words[words.index(after: mark)...].dropLast())
        machineName = String(words[..<mark].dropLast(37))
    }

    private static func isUUID(_ text: String) -> Bool {
        text.split(separator: "-", omittingEmptySubsequences: false).map(\.count) == [8, 4, 4, 4, 12]
            && text.allSatisfy { $0 == "-" || $0.isHexDigit }
    }
}
