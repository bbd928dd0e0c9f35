public import INIFile
public import ZFS

/// What sanoid.conf says that sanoid does not tell its hooks.
///
/// Which version of sanoid calls is not known to a hook, so the file is read as each of them does, and where they
/// differ the safe side counts: more is frozen, and the shorter time is kept to.
public struct SanoidConfiguration: Sendable {
    private static let builtIn: SanoidConfigFile.Settings = ["script_timeout": .one("5"), "autosnap": .one("1")]
    static let keys: Set<String> = [
        "script_timeout", "autosnap", "process_children_only", "path", "recursive", "skip_children", "use_template",
    ]

    let file: SanoidConfigFile
    let defaults: SanoidConfigFile.Settings
    /// Whether there is a sanoid.conf.
    public let isThere: Bool

    /// Reads `sanoid.conf` and the first `sanoid.defaults.conf` there is; without either nothing is recursive.
    ///
    /// - Parameters:
    ///   - directory: sanoid's `--configdir`.
    ///   - isInUse: whether a sanoid works with it, which does not begin without its sanoid.conf.
    ///   - defaultsPaths: where to find the defaults; nil for the directory itself and Debian's place.
    /// - Throws: ``INIError`` where a file exists and cannot be read, or is in use and cannot be found.
    public init(
        directory: String = "/etc/sanoid", isInUse: Bool = false, defaultsPaths: [String]? = nil
    ) throws(INIError) {
        try self.init(directory: directory, isInUse: isInUse, defaultsPaths: defaultsPaths, keys: Self.keys)
    }

    /// - Parameter keys: the others are not kept.
    init(
        directory: String, isInUse: Bool = false, defaultsPaths: [String]?, keys: Set<String>
    ) throws(INIError) {
        let defaultsPaths =
            defaultsPaths ?? ["\(directory)/sanoid.defaults.conf", "/usr/share/sanoid/sanoid.defaults.conf"]
        var defaults = Self.builtIn
        for path in defaultsPaths {
            guard let file = try Self.file(path, keys) else { continue }
            defaults.merge(file.sections["template_default"] ?? [:]) { $1 }
            break
        }
        self.defaults = defaults
        let path = "\(directory)/sanoid.conf"
        guard let file = try Self.file(path, keys) else {
            guard !isInUse else {
                throw INIError(
                    .missing, path: path,
                    message:
                        "is what the sanoid that called works with (--configdir), and is not there; name its folder "
                        + "as this process sees it")
            }
            file = SanoidConfigFile(bytes: [])
            isThere = false
            return
        }
        self.file = file
        isThere = true
    }

    /// Whether sanoid snapshots the dataset with all below it in one go, and calls its hooks once for all.
    ///
    /// Only the dataset's own section counts: sanoid ignores `recursive` in a template, with a warning.
    public func isZFSRecursive(_ dataset: DatasetName) -> Bool {
        readings(dataset).contains { $0.isZFSRecursive(dataset.rawValue) }
    }

    /// Whether sanoid snapshots what is below the dataset too, with it or right after it.
    public func isRecursive(_ dataset: DatasetName) -> Bool {
        readings(dataset).contains { $0.isRecursive(dataset.rawValue) }
    }

    /// Whether sanoid snapshots a dataset because the section of one above it is recursive, in either way.
    public func takesAlong(_ dataset: DatasetName, below root: DatasetName) -> Bool {
        readings(dataset).contains { $0.takesAlong(dataset.rawValue, below: root.rawValue) }
    }

    /// How long sanoid lets a script for this dataset run; nil where it waits for ever.
    public func scriptTimeout(for dataset: DatasetName) -> Duration? {
        readings(dataset).compactMap { $0.alarm(for: dataset.rawValue) }.min().map { .seconds($0) }
    }

    /// What each version makes of it.
    private func readings(_ dataset: DatasetName) -> [ResolvedSanoidSettings] {
        let versions = file.isReadAlike ? [.v23] : SanoidVersion.allCases
        return versions.map { reading(by: $0, about: dataset) }
    }

    func reading(by version: SanoidVersion, about dataset: DatasetName) -> ResolvedSanoidSettings {
        // Of all that zfs would name below a section, these can matter.
        let datasets = Set(file.names.filter { !$0.hasPrefix("template_") } + [dataset.rawValue])
        return ResolvedSanoidSettings(file, defaults: defaults, version: version, datasets: datasets)
    }

    private static func file(_ path: String, _ keys: Set<String>) throws(INIError) -> SanoidConfigFile? {
        do {
            return SanoidConfigFile(bytes: try INIFile.contents(of: path)).reduced(to: keys)
        } catch {
            guard error.code == .missing else { throw error }
            return nil
        }
    }
}
