import INIFile
import Storage

/// A section of sanoid.conf, with those of the same name taken together as Config::IniFiles does.
struct SanoidSection: Sendable {
    let name: String
    private var values: [String: String] = [:]

    subscript(key: String) -> String? { values[key] }

    /// The dataset that the section is about.
    var path: String { values["path"] ?? name }

    /// The names in `use_template`, in their order.
    var templates: [String] {
        (values["use_template"] ?? "").split(separator: ",").map { $0.trimmed() }
    }

    static func merge(_ sections: [INIFile.Section]) -> [SanoidSection] {
        var result: [SanoidSection] = []
        var places: [String: Int] = [:]
        for section in sections {
            let place = places[section.name] ?? result.count
            if place == result.count {
                places[section.name] = place
                result.append(SanoidSection(name: section.name))
            }
            for entry in section.entries { result[place].values[entry.key] = entry.value }
        }
        return result
    }

    private init(name: String) { self.name = name }
}
