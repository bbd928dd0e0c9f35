public import INIFile
public import Storage

/// What sanoid.conf says that sanoid does not tell its hooks.
///
/// Follows `init()` of sanoid 2.1 (`/usr/sbin/sanoid`), its odd parts included: values are set in the order of the
/// sections, and a recursive section sets those of the datasets below it, theirs from earlier sections too.
public struct SanoidConfiguration: Sendable {
    private static let builtInTimeout = "5"
    private static let trueWords: Set<String> = ["1", "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"]

    private let sections: [SanoidSection]
    private let templates: [String: SanoidSection]
    private let defaultTimeout: String

    /// Reads `sanoid.conf` and the first `sanoid.defaults.conf` there is; without either nothing is recursive.
    ///
    /// - Parameters:
    ///   - directory: sanoid's `--configdir`.
    ///   - defaultsPaths: where to look for the defaults; nil for the directory itself and Debian's place.
    /// - Throws: ``INIError`` where a file exists and cannot be read.
    public init(directory: String = "/etc/sanoid", defaultsPaths: [String]? = nil) throws(INIError) {
        let defaultsPaths =
            defaultsPaths ?? ["\(directory)/sanoid.defaults.conf", "/usr/share/sanoid/sanoid.defaults.conf"]
        var defaults: [SanoidSection] = []
        for path in defaultsPaths {
            guard let file = try Self.file(path) else { continue }
            defaults = SanoidSection.merge(file.sections)
            break
        }
        let all = SanoidSection.merge(try Self.file("\(directory)/sanoid.conf")?.sections ?? [])
        sections = all.filter { !$0.name.hasPrefix("template_") }
        templates = Dictionary(all.map { ($0.name, $0) }) { first, _ in first }
        defaultTimeout =
            templates["template_default"]?["script_timeout"]
            ?? defaults.first { $0.name == "template_default" }?["script_timeout"] ?? Self.builtInTimeout
    }

    /// Whether sanoid snapshots the dataset with all below it in one go, and calls its hooks once for all.
    ///
    /// Only the dataset's own section counts: sanoid ignores `recursive` in a template, with a warning.
    public func isZFSRecursive(_ dataset: DatasetName) -> Bool {
        sections.contains { $0.path == dataset.rawValue && Self.isZFS($0["recursive"]) }
    }

    /// How long sanoid lets a script for this dataset run; nil where it waits for ever.
    public func scriptTimeout(for dataset: DatasetName) -> Duration? {
        var timeouts: [String: String] = [:]
        for section in sections {
            var value = timeouts[section.name] ?? defaultTimeout
            for template in section.templates {
                value = templates["template_" + template]?["script_timeout"] ?? value
            }
            value = section["script_timeout"] ?? value
            timeouts[section.name] = value
            pass(value, from: section, to: dataset.rawValue, in: &timeouts)
        }
        let own = sections.last { $0.path == dataset.rawValue }?.name ?? dataset.rawValue
        return Self.duration(timeouts[own] ?? defaultTimeout)
    }

    /// Sets the value of a recursive section for what lies below it.
    private func pass(
        _ value: String, from section: SanoidSection, to dataset: String, in timeouts: inout [String: String]
    ) {
        let isZFS = Self.isZFS(section["recursive"])
        let skips = Self.isTrue(section["skip_children"]) && !isZFS
        guard isZFS || skips || Self.isTrue(section["recursive"]) else { return }
        // sanoid asks zfs for the children; here those matter that are asked about or have a section.
        for name in sections.map(\.name) + [dataset] where name.hasPrefix(section.path + "/") {
            timeouts[name] = skips ? nil : value
        }
    }

    private static func file(_ path: String) throws(INIError) -> INIFile? {
        do {
            return try INIFile.read(path: path, tolerant: true)
        } catch {
            guard error.code == .missing else { throw error }
            return nil
        }
    }

    /// sanoid: `=~ /zfs/i`.
    private static func isZFS(_ value: String?) -> Bool { value?.lowercased().has("zfs") ?? false }

    private static func isTrue(_ value: String?) -> Bool { value.map(trueWords.contains) ?? false }

    /// Perl's alarm takes the number that a text begins with, cut to whole seconds; 0 sets no alarm.
    private static func duration(_ text: String) -> Duration? {
        guard let seconds = Int(text.prefix { ("0"..."9").contains($0) }), seconds > 0 else { return nil }
        return .seconds(seconds)
    }
}
