internal import Support

/// ZFS's own rules for names, from `module/zcommon/zfs_namecheck.c` (entity_namecheck, zfs_component_namecheck).
enum NameRules {
    /// ZFS_MAX_DATASET_NAME_LEN is 256 with the terminating NUL; it bounds dataset, `@` and snapshot together.
    static let longestName = 255

    static func checkDataset(_ text: String) throws(NameError) {
        let bytes = Array(text.utf8)
        try checkLength(bytes.count, of: "dataset", text)
        guard bytes.first != slash else {
            throw NameError(.emptyComponent, "dataset \(quoted(text)) begins with a slash; write POOL/NAME")
        }
        guard bytes.last != slash else {
            throw NameError(.emptyComponent, "dataset \(quoted(text)) ends with a slash; remove it")
        }
        try checkCharacters(text, allowing: slash, of: "dataset")
        for component in bytes.split(separator: slash, omittingEmptySubsequences: false) {
            guard !component.isEmpty else {
                throw NameError(.emptyComponent, "dataset \(quoted(text)) has two slashes in a row; remove one")
            }
            try checkDots(component, of: "dataset", text)
        }
        guard let first = bytes.first, isLetter(first) else {
            throw NameError(.noLetter, "dataset \(quoted(text)) does not begin with a letter, as a pool's name must")
        }
    }

    /// Checks the part of a snapshot's name after the `@`.
    static func checkSnapshotPart(_ text: String) throws(NameError) {
        let bytes = Array(text.utf8)
        try checkLength(bytes.count, of: "snapshot name", text)
        try checkCharacters(text, allowing: nil, of: "snapshot name")
        try checkDots(bytes[...], of: "snapshot name", text)
    }

    /// - Parameters:
    ///   - count: of bytes.
    ///   - text: for the message.
    static func checkLength(
        _ count: Int, of kind: String, _ text: @autoclosure () -> String
    ) throws(NameError) {
        guard count > 0 else { throw NameError(.empty, "the \(kind) is empty; name one") }
        guard count <= longestName else {
            throw NameError(
                .tooLong,
                "\(kind) \(quoted(text())) has \(count) bytes and ZFS allows \(longestName); shorten it")
        }
    }

    static func quoted(_ text: String) -> String { "'\(printable(text, limit: 60))'" }

    private static let slash = UInt8(ascii: "/")

    private static func checkCharacters(_ text: String, allowing extra: UInt8?, of kind: String) throws(NameError) {
        // By bytes first: to find characters takes ten times as long, and a listing has many names.
        if text.utf8.allSatisfy({ isValid($0) || $0 == extra }) { return }
        for (index, character) in text.enumerated() {
            if let byte = character.utf8.first, character.utf8.count == 1, isValid(byte) || byte == extra { continue }
            throw NameError(
                .invalidCharacter,
                "\(kind) \(quoted(text)) has '\(printable(String(character)))' at position \(index + 1); "
                    + "ZFS allows letters, digits, space and - _ . : only")
        }
    }

    private static func checkDots(_ component: ArraySlice<UInt8>, of kind: String, _ text: String) throws(NameError) {
        guard component.count > 2 || !component.allSatisfy({ $0 == UInt8(ascii: ".") }) else {
            throw NameError(.dotComponent, "\(kind) \(quoted(text)) has . or .. for a component; name a real one")
        }
    }

    private static func isValid(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: ":"), UInt8(ascii: " "): true
        default: isLetter(byte)
        }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        default: false
        }
    }
}
