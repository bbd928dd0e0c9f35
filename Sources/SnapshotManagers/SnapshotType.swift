internal import Support
public import ZFS

/// What managers call a snapshot by how often it is taken: `hourly`.
public enum SnapshotType {
    /// Those of sanoid (`@types` in it), and the labels of zfs-auto-snapshot's own cron jobs.
    public static let known = ["frequently", "hourly", "daily", "weekly", "monthly", "yearly", "frequent"]

    /// A list of names this long is no list of names.
    private static let longestList = 4096
    private static let sanoidPrefix = "autosnap_"
    private static let autoSnapshotPrefix = "zfs-auto-snap"

    /// The type that a snapshot's bare name tells; nil: it tells none.
    ///
    /// sanoid: `autosnap_2026-11-21_11:00:00_hourly`, at the end of daylight saving time `…:00dst_hourly`.
    /// zfs-auto-snapshot: `$opt_prefix${opt_label:+$opt_sep$opt_label}-$DATE`, the separator any one character.
    /// - Parameter isOfAutoSnapshot: zfs-auto-snapshot is known to have made the name, so that its prefix may be any
    ///   other.
    public static func told(by name: String, isOfAutoSnapshot: Bool = false) -> String? {
        let type =
            name.hasPrefix(sanoidPrefix)
            ? sanoidType(name.dropFirst(sanoidPrefix.count)) : autoSnapshotType(name, isOfAutoSnapshot)
        return type.flatMap { isValid($0) ? String($0) : nil }
    }

    /// The types that some snapshots' names tell; an empty one stands for those that tell none beside others that do.
    public static func types(of snapshots: [SnapshotName], areOfAutoSnapshot: Bool = false) -> [String] {
        let told = snapshots.map { self.told(by: $0.name, isOfAutoSnapshot: areOfAutoSnapshot) ?? "" }
        return told.allSatisfy(\.isEmpty) ? [] : told.withoutDuplicates
    }

    private static func sanoidType(_ rest: Substring) -> Substring? {
        guard let mark = rest.lastIndex(of: "_") else { return nil }
        let time = rest[..<mark]
        guard time.has(form: "0000-00-00_00:00:00") || time.has(form: "0000-00-00_00:00:00dst") else { return nil }
        return rest[rest.index(after: mark)...]
    }

    private static func autoSnapshotType(_ name: String, _ isOfAutoSnapshot: Bool) -> Substring? {
        let time = "-0000-00-00-0000"
        guard name.utf8.count > time.utf8.count, name.suffix(time.count).has(form: time) else { return nil }
        let stem = name.dropLast(time.count)
        let label: (Substring) -> Substring? = { stem in
            stem.lastIndex(of: "_").map { stem[stem.index(after: $0)...] }
        }
        guard stem.hasPrefix(autoSnapshotPrefix) else { return isOfAutoSnapshot ? label(stem) : nil }
        let rest = stem.dropFirst(autoSnapshotPrefix.count)
        // A longer prefix, such as zfs-auto-snap-nas_daily, or another separator.
        return rest.first == "_" ? rest.dropFirst() : label(rest) ?? rest.dropFirst()
    }

    /// The types in a comma list, each once.
    /// - Returns: nil where a part of it can be no type.
    public static func list(_ text: String) -> [String]? {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false).map { $0.trimmed() }
        guard text.utf8.count <= longestList, parts.allSatisfy({ isValid($0) }) else { return nil }
        return parts.withoutDuplicates
    }

    /// The types that `--type` names, each time a comma list.
    /// - Throws: InvocationError `.badValue`.
    public static func ofOptions(_ texts: [String]) throws(InvocationError) -> [String] {
        var types: [String] = []
        for text in texts {
            guard let listed = list(text) else {
                throw InvocationError(
                    .badValue,
                    "--type '\(printable(text))' names no type of snapshot; write such as daily, several between commas"
                )
            }
            types += listed
        }
        return types.withoutDuplicates
    }

    /// A part of a snapshot's name (zfs(8)) without blanks.
    public static func isValid(_ text: some StringProtocol) -> Bool {
        let others = Set("-_.:".utf8)
        return !text.isEmpty && text.utf8.count <= 255
            && text.utf8.allSatisfy { $0.isLetterOrDigit || others.contains($0) }
    }
}

extension StringProtocol {
    /// Whether it is `form`, in which each `0` stands for a digit.
    fileprivate func has(form: String) -> Bool {
        utf8.count == form.utf8.count
            && zip(utf8, form.utf8).allSatisfy { byte, sign in
                sign == UInt8(ascii: "0") ? (0x30...0x39).contains(byte) : byte == sign
            }
    }
}
