internal import Support
internal import ZFS

extension KeyType<[String: DatasetName]> {
    /// `NAME=DATASET`, one a line.
    /// - Parameter ignoringCase: the case of letters in a name does not count; it is read in lower case.
    static func datasets(ignoringCase: Bool = false) -> Self {
        Self(
            summary: .text("`NAME=DATASET`"),
            parse: { text throws(BadValue) in
                let (name, dataset) = try namedDataset(text, example: "nfs-vm=tank/vmware")
                return [ignoringCase ? name.lowercased() : name: dataset]
            },
            add: { new, all throws(BadValue) in
                for (name, dataset) in new {
                    guard let other = all.updateValue(dataset, forKey: name) else { continue }
                    throw BadValue(wanted: "\(printable(name)) is on \(other) already; keep one of the two lines")
                }
            })
    }
}

extension KeyType<[String: [DatasetName]]> {
    /// `NAME=DATASET`, one a line; a name may have several.
    static var datasetsOfEach: Self {
        Self(
            summary: .text("`NAME=DATASET`"),
            parse: { text throws(BadValue) in
                let (name, dataset) = try namedDataset(text, example: "redis=tank/redis")
                return [name: [dataset]]
            },
            add: { new, all throws(BadValue) in
                for (name, datasets) in new {
                    for dataset in datasets where all[name]?.contains(dataset) == true {
                        throw BadValue(wanted: "\(printable(name)) is on \(dataset) already; keep one of the two lines")
                    }
                    all[name, default: []] += datasets
                }
            })
    }
}

/// What stands before the last equals sign, and the dataset behind it.
private func namedDataset(_ text: String, example: String) throws(BadValue) -> (name: String, dataset: DatasetName) {
    // A datastore's name may hold an equals sign, a dataset's cannot.
    guard let sign = text.lastIndex(of: "=") else {
        throw BadValue(wanted: "must be NAME=DATASET, such as \(example)")
    }
    let name = text[..<sign].trimmed()
    let dataset: DatasetName
    do {
        dataset = try DatasetName(text[text.index(after: sign)...].trimmed())
    } catch {
        throw BadValue(wanted: "\(error)")
    }
    guard !name.isEmpty else { throw BadValue(wanted: "the name before the equals sign is missing") }
    return (name, dataset)
}
