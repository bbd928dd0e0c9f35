internal import Support

/// What the name of an overlay of ours says: see `OverlayFile.path`.
struct OverlayName: Sendable, Equatable {
    let machineName: String
    let machineID: String
    let target: String
    /// The run that made it, which older versions put into the name; nil: the name is the same in each run.
    let run: String?

    /// - Returns: nil for every other file.
    init?(_ path: String) {
        let file = FileAccess.lastComponent(path)
        if file.hasSuffix(OverlayFile.ending) {
            self.init(words: file.dropLast(OverlayFile.ending.count), run: nil)
        } else if file.hasSuffix(".qcow2") {
            let stem = file.dropLast(6)
            let run = String(stem.suffix(23))
            guard isRunID(run), stem.dropLast(23).hasSuffix("-") else { return nil }
            self.init(words: stem.dropLast(24), run: run)
        } else {
            return nil
        }
    }

    /// - Parameter words: `web01-UUID-vda`.
    private init?(words: Substring, run: String?) {
        guard let mark = words.lastIndex(of: "-") else { return nil }
        let id = String(words[..<mark].suffix(36))
        guard Self.isUUID(id), words[..<mark].count > 37 else { return nil }
        (self.run, machineID) = (run, id)
        target = String(words[words.index(after: mark)...])
        machineName = String(words[..<mark].dropLast(37))
    }

    private static func isUUID(_ text: String) -> Bool {
        text.split(separator: "-", omittingEmptySubsequences: false).map(\.count) == [8, 4, 4, 4, 12]
            && text.allSatisfy { $0 == "-" || $0.isHexDigit }
    }
}

extension [String] {
    /// The first of these images that is an overlay of ours of that VM.
    func overlay(of machineID: String) -> String? {
        // Nearly all images of this world have other names.
        first { $0.hasSuffix(".qcow2") && OverlayName($0)?.machineID == machineID }
    }
}
