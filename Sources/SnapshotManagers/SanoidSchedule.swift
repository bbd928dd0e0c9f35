public import INIFile
internal import Support
public import ZFS

/// What sanoid.conf lets sanoid do with datasets: which it snapshots, and which programs it calls for that.
///
/// For those who judge the file; a hook asks ``SanoidConfiguration``.
public struct SanoidSchedule: Sendable {
    /// What one version of sanoid does for the datasets of one call of its hooks.
    public struct Call: Sendable, Hashable {
        /// The dataset that the hooks are called for.
        public let target: DatasetName
        /// Whether what is below it is snapshotted in the same moment.
        public let isZFSRecursive: Bool
        /// The section of sanoid.conf in which a line counts for it.
        public let section: String
        /// A command line, as the three others.
        public let preSnapshotScript: String?
        /// Called after the snapshot.
        public let postSnapshotScript: String?
        /// Called for a snapshot that was destroyed.
        public let pruningScript: String?
        /// Whether sanoid destroys old snapshots there.
        public let prunes: Bool
        /// Whether no snapshot is taken where `preSnapshotScript` fails.
        public let withholdsInconsistent: Bool
        /// Whether `postSnapshotScript` is called also where the other has failed.
        public let forcesPost: Bool
        /// How long a script may run; nil: for ever.
        public let scriptTimeout: Duration?
    }

    private static let counts = ["frequently", "hourly", "daily", "weekly", "monthly", "yearly"]
    private static let keys: Set<String> = SanoidConfiguration.keys.union(counts).union([
        "pre_snapshot_script", "post_snapshot_script", "pruning_script", "autoprune", "no_inconsistent_snapshot",
        "force_post_snapshot_script",
    ])

    /// Whether there is a sanoid.conf.
    public var isThere: Bool { configuration.isThere }
    private let configuration: SanoidConfiguration
    private let readings: [ResolvedSanoidSettings]

    /// - Parameters:
    ///   - directory: sanoid's `--configdir`.
    ///   - datasets: those that will be asked about.
    ///   - defaultsPaths: where to find the defaults; nil for the directory itself and Debian's place.
    /// - Throws: ``INIError`` where a file exists and cannot be read.
    public init(
        directory: String, datasets: Set<DatasetName>, defaultsPaths: [String]? = nil
    ) throws(INIError) {
        let configuration = try SanoidConfiguration(
            directory: directory, defaultsPaths: defaultsPaths, keys: Self.keys)
        let file = configuration.file
        let versions = file.isReadAlike ? [.v23] : SanoidVersion.allCases
        let sections = file.names.filter { !$0.hasPrefix(Self.templatePrefix) }
        let all = datasets.union(datasets.flatMap(\.ancestors)).map(\.rawValue)
        readings = versions.map {
            ResolvedSanoidSettings(
                file, defaults: configuration.defaults, version: $0, datasets: Set(sections + all))
        }
        self.configuration = configuration
    }

    /// The calls by which a dataset is snapshotted; none: sanoid does not snapshot it. Several where it is in several trees, or
    /// where versions of sanoid differ.
    public func calls(for dataset: DatasetName) -> [Call] {
        var found: [Call] = []
        for reading in readings {
            let roots = dataset.ancestors.filter { reading.isZFSRecursive($0.rawValue) && takesAny($0, reading) }
            let isItself = reading.isSnapshotted(dataset.rawValue) && takesAny(dataset, reading)
            for target in roots + (isItself ? [dataset] : []) {
                let call = call(for: target, reading)
                if !found.contains(call) { found.append(call) }
            }
        }
        return found
    }

    /// Whether sanoid snapshots what is below the dataset too, with it or right after it.
    public func isRecursive(_ dataset: DatasetName) -> Bool {
        readings.contains { $0.isRecursive(dataset.rawValue) }
    }

    /// Whether all the datasets are snapshotted in one moment whenever one of them is.
    public func takesTogether(_ datasets: [DatasetName]) -> Bool {
        let targets = datasets.map { dataset in Set(calls(for: dataset).map { $0.target }) }
        guard let first = targets.first, first.count == 1 else { return false }
        return targets.allSatisfy { $0 == first }
    }

    /// The datasets of sections for which a script of that name would be called.
    public func datasets(calling hook: String) -> [(section: String, dataset: String)] {
        let keys = ["pre_snapshot_script", "post_snapshot_script"]
        var found: [(section: String, dataset: String)] = []
        for section in configuration.file.names where !section.hasPrefix(Self.templatePrefix) {
            let names = (configuration.file.sections[section]?["use_template"]?.text ?? "").split(separator: ",")
            let sections = [section] + names.map { Self.templatePrefix + $0.trimmed() }
            let texts = sections.flatMap { name in keys.compactMap { configuration.file.sections[name]?[$0]?.text } }
            guard texts.contains(where: { $0.has(hook) }) else { continue }
            found.append((section, configuration.file.sections[section]?["path"]?.text ?? section))
        }
        return found
    }

    /// Whether the dataset has a section of its own.
    public func hasSection(_ dataset: DatasetName) -> Bool { configuration.file.sections[dataset.rawValue] != nil }

    /// What another section needs to be treated as those of the call: its template, and its hooks where that has none.
    public func lines(like call: Call) -> [String] {
        let section = configuration.file.sections[call.section] ?? [:]
        func own(_ key: String, _ value: String?) -> String? {
            section["use_template"]?.text == nil || section[key] != nil ? value.map { "\(key) = \($0)" } : nil
        }
        let timeout = call.scriptTimeout.map { "\($0.components.seconds)" }
        let template = section["use_template"]?.text.map { "use_template = \($0)" }
        return [
            template, own("pre_snapshot_script", call.preSnapshotScript),
            own("post_snapshot_script", call.postSnapshotScript), own("pruning_script", call.pruningScript),
            own("script_timeout", timeout),
        ].compactMap { $0 }
    }

    /// The templates that sections use and that are not there, by section.
    public var missingTemplates: [(section: String, template: String)] {
        let file = configuration.file
        var missing: [(section: String, template: String)] = []
        for section in file.names where !section.hasPrefix(Self.templatePrefix) {
            let names = (file.sections[section]?["use_template"]?.text ?? "").split(separator: ",")
            for name in names.map({ $0.trimmed() }) where !name.isEmpty {
                if file.sections[Self.templatePrefix + name] == nil { missing.append((section, name)) }
            }
        }
        return missing
    }

    private static let templatePrefix = "template_"

    private func call(for target: DatasetName, _ reading: ResolvedSanoidSettings) -> Call {
        // By the dataset's name, as sanoid finds a script; never by that of a section with a path.
        let values = reading.settings[target.rawValue] ?? [:]
        func text(_ key: String) -> String? {
            guard let text = values[key]?.text, ResolvedSanoidSettings.isSet(values[key]) else { return nil }
            return text
        }
        return Call(
            target: target, isZFSRecursive: reading.isZFSRecursive(target.rawValue), section: section(of: target),
            preSnapshotScript: text("pre_snapshot_script"), postSnapshotScript: text("post_snapshot_script"),
            pruningScript: text("pruning_script"), prunes: ResolvedSanoidSettings.isSet(values["autoprune"]),
            withholdsInconsistent: ResolvedSanoidSettings.isSet(values["no_inconsistent_snapshot"]),
            forcesPost: ResolvedSanoidSettings.isSet(values["force_post_snapshot_script"]),
            scriptTimeout: reading.alarm(for: target.rawValue).map { .seconds($0) })
    }

    /// Its own, else that of the nearest dataset above it.
    private func section(of target: DatasetName) -> String {
        ([target] + target.ancestors.reversed()).map(\.rawValue).first { configuration.file.sections[$0] != nil }
            ?? target.rawValue
    }

    /// Whether a snapshot of some type is kept at all: sanoid takes those alone.
    private func takesAny(_ dataset: DatasetName, _ reading: ResolvedSanoidSettings) -> Bool {
        let values = reading.settings.values.first { $0["path"] == .one(dataset.rawValue) } ?? [:]
        let counts = Self.counts.compactMap { values[$0]?.text }
        return counts.isEmpty || counts.contains { PerlText.number($0) > 0 }
    }
}
