internal import INIFile
internal import Support

/// Reads the keys of one section, strictly: each key once, none unknown, each value of its type.
///
/// A key is declared where it is read, by one call of ``key(_:_:_:unset:_:)``. All calls for a kind of section are made
/// whatever stands in it, so they also say which keys there are: to whom mistypes one, and to the reference.
struct SectionReader: ~Copyable {
    private let file: String
    private let section: INIFile.Section
    private var keys: [DeclaredKey] = []
    private var failure: ConfigurationError?

    init(_ section: INIFile.Section, of file: String) {
        self.file = file
        self.section = section
    }

    /// The keys that `declare` declares.
    /// - Parameter kind: the section's `kind`, where that decides which keys it has.
    static func keys(kind: String = "", _ declare: (inout SectionReader) -> Void) -> [DeclaredKey] {
        let entries = kind.isEmpty ? [] : [INIFile.Entry(key: "kind", value: kind, line: 0)]
        var reader = SectionReader(INIFile.Section(name: "", line: 0, entries: entries), of: "")
        declare(&reader)
        return reader.keys
    }

    /// Declares a key, and reads it where the section has it.
    /// - Parameters:
    ///   - value: the default; then what the section says.
    ///   - unset: what the reference says of the default where `value` is none.
    ///   - meaning: for the reference: one sentence, without a full stop.
    @inline(never)
    mutating func key<Value>(
        _ name: String, _ value: inout Value, _ type: KeyType<Value>, unset: String = "", _ meaning: String
    ) {
        let entries = declare(
            DeclaredKey(
                name: name, summary: type.summary, usual: value, unset: unset, meaning: meaning,
                isRepeatable: type.add != nil))
        for entry in entries {
            do throws(BadValue) {
                let new = try type.parse(entry.value)
                if let add = type.add { try add(new, &value) } else { value = new }
            } catch {
                fail(at: entry, error)
            }
        }
    }

    /// The entries of a key, but an empty one, which is refused.
    @inline(never)
    private mutating func declare(_ key: DeclaredKey) -> [INIFile.Entry] {
        keys.append(key)
        let entries = section.entries.filter { $0.key == key.name }
        guard !key.isRepeatable, let entry = entries.first(where: \.value.isEmpty) else { return entries }
        fail(at: entry, BadValue(wanted: "a value is needed; to have the default, remove the line"))
        return []
    }

    /// Declares a key that every such section must have.
    /// - Parameter wanted: what is said where it is missing.
    mutating func required<Value>(
        _ name: String, _ value: inout Value, _ type: KeyType<Value>, else wanted: String, _ meaning: String
    ) {
        key(name, &value, type, unset: "must be set", meaning)
        if !section.entries.contains(where: { $0.key == name }) { refuse(name, wanted) }
    }

    /// Where the section has a key; nil: it does not.
    func line(of name: String) -> SettingLine? {
        section.entries.first { $0.key == name }.map { SettingLine(file: file, line: $0.line, section: section.name) }
    }

    /// Refuses a key's value for what only several keys together tell.
    mutating func refuse(_ name: String, _ wanted: String) {
        let entry = section.entries.first { $0.key == name }
        fail(at: entry ?? INIFile.Entry(key: name, value: "", line: section.line), BadValue(wanted: wanted))
    }

    @inline(never)
    private mutating func fail(at entry: INIFile.Entry, _ problem: BadValue) {
        let value = problem.isSecret ? "" : " = '\(printable(entry.value))':"
        failure =
            failure
            ?? ConfigurationError(.badValue, "\(entry.key)\(value) \(problem.wanted)", at: (file, entry.line))
    }

    /// Refuses what was found wrong: first names, in the file's order, then values, in the order of their declarations.
    /// - Throws: ConfigurationError `.unknownKey`, `.duplicate` or `.badValue`.
    func finish() throws(ConfigurationError) {
        var seen: Set<String> = []
        for entry in section.entries {
            guard let key = keys.first(where: { $0.name == entry.key }) else { throw unknown(entry) }
            guard seen.insert(entry.key).inserted || key.isRepeatable else {
                throw ConfigurationError(
                    .duplicate, "'\(entry.key)' stands twice in [\(printable(section.name))]; keep one",
                    at: (file, entry.line))
            }
        }
        if let failure { throw failure }
    }

    private func unknown(_ entry: INIFile.Entry) -> ConfigurationError {
        let names = keys.map(\.name)
        let hint = nearest(to: entry.key, among: names).map { "did you mean '\($0)'?" }
        return ConfigurationError(
            .unknownKey,
            "unknown key '\(printable(String(entry.key.prefix { !$0.isBlank })))' in [\(printable(section.name))]; "
                + (hint ?? "valid here: \(names.joined(separator: ", "))"),
            at: (file, entry.line))
    }
}

/// What was said of a key where it was declared.
struct DeclaredKey {
    let name: String
    let summary: Summary
    /// The default.
    let usual: Any
    /// What the reference says of the default where `usual` is none.
    let unset: String
    let meaning: String
    let isRepeatable: Bool
}
