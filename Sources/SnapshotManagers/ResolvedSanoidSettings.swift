internal import Support

/// What one version of sanoid makes of its configuration: its `init()`, step by step, odd parts included.
///
/// Sections are gone through in their order, and a recursive one sets the values of the datasets below it, of those too
/// that had their own from an earlier section.
struct ResolvedSanoidSettings: Sendable {
    private static let toggles = [
        "autosnap", "autoprune", "monitor_dont_warn", "monitor_dont_crit", "monitor", "recursive",
        "process_children_only", "skip_children", "no_inconsistent_snapshot", "force_post_snapshot_script",
    ]
    private static let trueWords = ["1", "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"]
    private static let falseWords = ["0", "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"]
    private static let defaultTemplate = "template_default"

    /// sanoid's `%config`: settings by the name of a section or of a dataset below one.
    private(set) var settings: [String: SanoidConfigFile.Settings] = [:]
    private var inherited: Set<String> = []
    /// The paths of recursive sections, and whether zfs recurses there.
    private var trees: [String: Bool] = [:]
    private var file: [String: SanoidConfigFile.Settings]
    private let version: SanoidVersion
    private let defaults: SanoidConfigFile.Settings

    /// - Parameters:
    ///   - defaults: `[template_default]` of sanoid.defaults.conf.
    ///   - datasets: those that may lie below a recursive one; sanoid asks zfs for them.
    init(_ file: SanoidConfigFile, defaults: SanoidConfigFile.Settings, version: SanoidVersion, datasets: Set<String>) {
        self.file = file.sections
        self.version = version
        self.defaults = defaults
        for section in file.names {
            trimValues(section)
            if !section.hasPrefix("template_") { read(section, datasets) }
        }
    }

    /// Settings of a dataset that no section is about.
    var ofNoSection: SanoidConfigFile.Settings {
        var result = defaults.filter { !$0.key.hasAny(of: "template", "recursive", "children_only") }
        for (key, value) in file[Self.defaultTemplate] ?? [:] where !key.hasAny(of: "template", "recursive") {
            result[key] = value
        }
        return result
    }

    /// Before the section is used, not before others use it as a template.
    private mutating func trimValues(_ section: String) {
        file[section] = file[section]?.mapValues { value in
            let value = version.takesFirstOfSeveral ? value.first : value
            return version.trims ? value.trimmed : value
        }
    }

    private mutating func read(_ section: String, _ datasets: Set<String>) {
        let own = file[section] ?? [:]
        var result = settings[section] ?? [:]
        if !inherited.contains(section) { result.merge(ofNoSection) { $1 } }
        for template in templates(own) {
            for (key, value) in file["template_" + template] ?? [:] where !key.hasAny(of: "template", "recursive") {
                result[key] = version.takesFirstInTemplates ? value.first : value
            }
        }
        result.merge(own.filter { !$0.key.hasAny(of: "template", "recursive", "skip_children") }) { $1 }
        for toggle in Self.toggles {
            guard let text = result[toggle]?.text else { continue }
            if Self.trueWords.contains(text) { result[toggle] = .one("1") }
            if Self.falseWords.contains(text) { result[toggle] = .one("0") }
        }
        result["path"] = own["path"].flatMap { $0 == .undefined ? nil : $0 } ?? .one(section)
        if result["zfs_recursion"] == .one("1"), result["autosnap"]?.text.map(PerlText.number) == 1 {
            result["autosnap"] = .one("0")
        }
        let isZFS = own["recursive"]?.text?.lowercased().has("zfs") ?? false
        if isZFS { result["zfs_recursion"] = .one("1") }
        settings[section] = result
        let skips = Self.isTrue(own["skip_children"])
        guard isZFS || skips || Self.isTrue(own["recursive"]), let path = result["path"]?.text else { return }
        if isZFS || !skips { trees[path] = isZFS }
        for dataset in datasets where dataset.hasPrefix(path + "/") {
            if !isZFS && skips {
                settings[dataset] = nil
                inherited.remove(dataset)
            } else {
                pass(result, to: dataset, isZFS: isZFS)
            }
        }
    }

    private mutating func pass(_ values: SanoidConfigFile.Settings, to dataset: String, isZFS: Bool) {
        var below = settings[dataset] ?? [:]
        if isZFS { below["autosnap"] = .one("0") }
        for (key, value) in values where !key.hasAny(of: "template", "recursive", "children_only") {
            if isZFS && key.has("autosnap") { continue }
            below[key] = value
        }
        below["path"] = .one(dataset)
        settings[dataset] = below
        inherited.insert(dataset)
    }

    /// `split(' *, *', …)`, and blanks removed at each name's end alone.
    private func templates(_ own: SanoidConfigFile.Settings) -> [String] {
        let names = (own["use_template"]?.text ?? "").split(separator: ",", omittingEmptySubsequences: false)
        return names.enumerated().map { index, name in
            var bytes = Array(name.utf8)[...]
            if index > 0 { bytes = bytes.drop { $0 == 0x20 } }
            while let last = bytes.last, last.isPerlSpace { bytes.removeLast() }
            return String(decoding: bytes, as: UTF8.self)
        }
    }

    private static func isTrue(_ value: SanoidValue?) -> Bool {
        guard let text = value?.text, !text.isEmpty, text != "0" else { return false }
        return PerlText.isOne(text, of: trueWords)
    }
}

extension ResolvedSanoidSettings {
    /// Whether hooks are called for the dataset once for all below it.
    func isZFSRecursive(_ dataset: String) -> Bool {
        settings.values.contains { values in
            values["path"] == .one(dataset) && values["zfs_recursion"] == .one("1")
                && Self.isSet(values["autosnap"]) && !Self.isSet(values["process_children_only"])
        }
    }

    /// Whether the dataset is snapshotted by a call of its own.
    func isSnapshotted(_ dataset: String) -> Bool {
        settings.values.contains { values in
            values["path"] == .one(dataset) && Self.isSet(values["autosnap"])
                && !Self.isSet(values["process_children_only"])
        }
    }

    /// Whether a section that takes along what is below is about the dataset.
    func isRecursive(_ dataset: String) -> Bool {
        trees[dataset] != nil && settings.values.contains { $0["path"] == .one(dataset) && Self.isSet($0["autosnap"]) }
    }

    /// Whether the dataset is snapshotted because the section of one above it is recursive.
    func takesAlong(_ dataset: String, below root: String) -> Bool {
        guard let isZFS = trees[root], dataset.hasPrefix(root + "/") else { return false }
        let values = isZFS ? settings.values.first { $0["path"] == .one(root) } : settings[dataset]
        return Self.isSet(values?["autosnap"])
    }

    /// Seconds until the hook's alarm; nil: there is none.
    func alarm(for dataset: String) -> Int? {
        // sanoid finds a script's settings by the dataset's name, never by that of a section with a path.
        let values = settings[dataset] ?? settings.values.first { $0["path"] == .one(dataset) } ?? ofNoSection
        return values["script_timeout"]?.text.flatMap(PerlText.alarm)
    }

    /// Perl's truth.
    static func isSet(_ value: SanoidValue?) -> Bool {
        switch value {
        case nil, .undefined: false
        case .one(let text): !text.isEmpty && text != "0"
        case .several: true
        }
    }
}

extension SanoidValue {
    fileprivate var first: SanoidValue { SanoidValue(Array(all.prefix(1))) }

    fileprivate var trimmed: SanoidValue {
        guard case .one(let text) = self else { return self }
        var bytes = Array(text.utf8)[...].drop(while: \.isPerlSpace)
        while let last = bytes.last, last.isPerlSpace { bytes.removeLast() }
        return .one(String(decoding: bytes, as: UTF8.self))
    }
}

extension String {
    fileprivate func hasAny(of words: String...) -> Bool { words.contains { has($0) } }
}
