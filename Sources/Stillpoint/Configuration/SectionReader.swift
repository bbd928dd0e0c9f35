internal import INIFile
internal import Storage

/// Reads the keys of one section, strictly: each key once, none unknown, each value of its type.
struct SectionReader {
    let file: String
    let section: INIFile.Section

    /// - Throws: ConfigurationError `.unknownKey` or `.duplicate`.
    init(_ section: INIFile.Section, of file: String, keys: [ConfigurationKey]) throws(ConfigurationError) {
        self.file = file
        self.section = section
        var seen: Set<String> = []
        for entry in section.entries {
            guard keys.contains(where: { $0.rawValue == entry.key }) else {
                let hint = nearest(to: entry.key, among: keys.map(\.rawValue)).map { "did you mean '\($0)'?" }
                throw ConfigurationError(
                    .unknownKey,
                    "unknown key '\(printable(entry.key))' in [\(printable(section.name))]; "
                        + (hint ?? "valid here: \(keys.map(\.rawValue).joined(separator: ", "))"),
                    at: (file, entry.line))
            }
            guard seen.insert(entry.key).inserted || ConfigurationKey(rawValue: entry.key)?.isRepeatable == true else {
                throw ConfigurationError(
                    .duplicate, "'\(entry.key)' stands twice in [\(printable(section.name))]; keep one",
                    at: (file, entry.line))
            }
        }
    }

    private func entry(_ key: ConfigurationKey) -> INIFile.Entry? {
        section.entries.first { $0.key == key.rawValue }
    }

    func bad(_ key: ConfigurationKey, _ wanted: String) -> ConfigurationError {
        bad(entry(key) ?? INIFile.Entry(key: key.rawValue, value: "", line: section.line), wanted)
    }

    /// The error of a value that may be a secret, and so is in no message.
    func concealing(_ key: ConfigurationKey, _ wanted: String) -> ConfigurationError {
        ConfigurationError(
            .badValue, "\(key.rawValue) \(wanted)", at: (file, entry(key)?.line ?? section.line))
    }

    private func bad(_ entry: INIFile.Entry, _ wanted: String) -> ConfigurationError {
        ConfigurationError(
            .badValue, "\(entry.key) = '\(printable(entry.value))': \(wanted)", at: (file, entry.line))
    }

    func string(_ key: ConfigurationKey) throws(ConfigurationError) -> String? {
        guard let value = entry(key)?.value else { return nil }
        guard !value.isEmpty else { throw bad(key, "a value is needed; to have the default, remove the line") }
        return value
    }

    /// The `NAME=DATASET` pairs of a key that may repeat.
    func datasets(_ key: ConfigurationKey) throws(ConfigurationError) -> [String: DatasetName] {
        var result: [String: DatasetName] = [:]
        for entry in section.entries where entry.key == key.rawValue {
            // A datastore's name may hold an equals sign, a dataset's cannot.
            guard let sign = entry.value.lastIndex(of: "=") else {
                throw bad(entry, "must be NAME=DATASET, such as nfs-vm=tank/vmware")
            }
            let name = entry.value[..<sign].trimmed()
            let dataset: DatasetName
            do {
                dataset = try DatasetName(entry.value[entry.value.index(after: sign)...].trimmed())
            } catch {
                throw bad(entry, "\(error)")
            }
            guard !name.isEmpty else { throw bad(entry, "the name before the equals sign is missing") }
            if let other = result.updateValue(dataset, forKey: name) {
                throw bad(entry, "\(printable(name)) is on \(other) already; keep one of the two lines")
            }
        }
        return result
    }

    /// An absolute path, without a slash at the end.
    func path(_ key: ConfigurationKey) throws(ConfigurationError) -> String? {
        guard var value = try string(key) else { return nil }
        guard value.hasPrefix("/") else { throw bad(key, "must be an absolute path") }
        while value.count > 1, value.hasSuffix("/") { value.removeLast() }
        return value
    }

    func integer(_ key: ConfigurationKey, in range: ClosedRange<Int>) throws(ConfigurationError) -> Int? {
        guard let value = try string(key) else { return nil }
        guard let number = Int(value), range.contains(number) else {
            throw bad(key, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func seconds(_ key: ConfigurationKey, in range: ClosedRange<Int>) throws(ConfigurationError) -> Duration? {
        try integer(key, in: range).map { .seconds($0) }
    }

    func choice<Choice: RawRepresentable & CaseIterable>(
        _ key: ConfigurationKey, of type: Choice.Type
    ) throws(ConfigurationError) -> Choice? where Choice.RawValue == String {
        guard let value = try string(key) else { return nil }
        return try word(value, key, of: type)
    }

    /// Words between commas.
    func list<Choice: RawRepresentable & CaseIterable & Hashable>(
        _ key: ConfigurationKey, of type: Choice.Type
    ) throws(ConfigurationError) -> [Choice]? where Choice.RawValue == String {
        guard let value = try string(key) else { return nil }
        var list: [Choice] = []
        for part in value.split(separator: ",", omittingEmptySubsequences: false) {
            let choice = try word(part.trimmed(), key, of: type)
            guard !list.contains(choice) else { throw bad(key, "'\(choice.rawValue)' stands twice") }
            list.append(choice)
        }
        return list
    }

    private func word<Choice: RawRepresentable & CaseIterable>(
        _ word: String, _ key: ConfigurationKey, of type: Choice.Type
    ) throws(ConfigurationError) -> Choice where Choice.RawValue == String {
        guard let choice = Choice(rawValue: word) else {
            let valid = Choice.allCases.map(\.rawValue)
            let hint = nearest(to: word, among: valid).map { "did you mean '\($0)'?" }
            throw bad(key, hint ?? "valid: \(valid.joined(separator: ", "))")
        }
        return choice
    }
}
