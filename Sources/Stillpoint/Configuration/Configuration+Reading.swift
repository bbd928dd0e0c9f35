internal import Hypervisor
internal import INIFile
internal import RAMArchive
internal import Storage

extension Configuration {
    /// Where the configuration is when nobody says otherwise.
    static let defaultPath = "/etc/stillpoint/stillpoint.conf"

    /// The configuration in `path`, else in `$STILLPOINT_CONFIG`, else in the default place, where it may be missing.
    /// - Parameter kinds: the kinds of hypervisor that this program has.
    static func load(
        path: String?, environment: [String: String], kinds: [String]
    ) throws(ConfigurationError) -> Configuration {
        let named = path ?? environment["STILLPOINT_CONFIG"]
        do {
            return try Configuration(INIFile.read(path: named ?? defaultPath), kinds: kinds)
        } catch let error as INIError {
            if error.code == .missing, named == nil { return Configuration() }
            throw ConfigurationError(.unreadable, "\(error)", cause: error)
        } catch let error as ConfigurationError {
            throw error
        } catch {
            throw ConfigurationError(.unreadable, "\(error)", cause: error)
        }
    }

    init(_ file: INIFile, kinds: [String]) throws(ConfigurationError) {
        self.init()
        var seen: [SectionName: Int] = [:]
        for section in file.sections {
            if let first = seen.updateValue(section.line, forKey: SectionName(section.name)) {
                throw ConfigurationError(
                    .duplicate, "[\(printable(section.name))] stands in line \(first) already; join the two",
                    at: (file.path, section.line))
            }
        }
        let templates = try Templates(file)
        var listed: [HypervisorSection] = []
        for section in file.sections {
            switch SectionName(section.name) {
            case .template: break
            case .general: try read(general: SectionReader(section, of: file.path, keys: ConfigurationKey.general))
            case .hypervisor(let name):
                listed.append(try HypervisorSection(section, name: name, of: file.path, kinds: kinds))
            case .machine(let pattern):
                let reader = try SectionReader(section, of: file.path, keys: ConfigurationKey.machine)
                let policy = try Policy(reader).filled(from: templates.named(by: reader).policy)
                machines.append(MachineSection(pattern: pattern, policy: policy))
            case .other(let name):
                datasets.append(try Self.datasetSection(name, section, file.path, templates))
            }
        }
        if !listed.isEmpty { hypervisors = listed }
    }

    private mutating func read(general reader: SectionReader) throws(ConfigurationError) {
        stateDirectory = try reader.path(.stateDirectory) ?? stateDirectory
        overlayDirectory = try reader.path(.overlayDirectory) ?? overlayDirectory
        ramDirectory = try reader.path(.ramDirectory) ?? ramDirectory
        coldStorage = try reader.path(.coldStorage) ?? coldStorage
        ramCompression = try reader.choice(.ramCompression, of: Compression.self) ?? ramCompression
        sanoidDirectory = try reader.path(.sanoidDirectory) ?? sanoidDirectory
        maxParallel = try reader.integer(.maxParallel, in: 1...256) ?? maxParallel
        maxHold = try reader.seconds(.maxHold, in: 1...86400) ?? maxHold
        agentTimeout = try reader.seconds(.agentTimeout, in: 1...600) ?? agentTimeout
        freezeTimeout = try reader.seconds(.freezeTimeout, in: 1...600) ?? freezeTimeout
        freezeLimit = try reader.seconds(.freezeLimit, in: 1...600) ?? freezeLimit
        commitTimeout = try reader.seconds(.commitTimeout, in: 1...86400) ?? commitTimeout
        policy = try Policy(reader).filled(from: policy)
    }

    private static func datasetSection(
        _ name: String, _ section: INIFile.Section, _ file: String, _ templates: Templates
    ) throws(ConfigurationError) -> DatasetSection {
        let valid = "[stillpoint], [hypervisor NAME], [template_NAME], [vm PATTERN] and [DATASET]"
        // A word so near to "stillpoint" is no pool but a slip.
        if editDistance(name, "stillpoint") <= 2 {
            throw ConfigurationError(
                .unknownSection, "unknown section [\(printable(name))]; did you mean [stillpoint]?",
                at: (file, section.line))
        }
        do {
            let dataset = try DatasetName(name)
            let reader = try SectionReader(section, of: file, keys: ConfigurationKey.dataset)
            let template = try templates.named(by: reader)
            return DatasetSection(
                dataset: dataset, policy: try Policy(reader).filled(from: template.policy),
                recursive: try reader.choice(.recursive, of: DatasetSection.Recursive.self) ?? template.recursive)
        } catch let error as ConfigurationError {
            throw error
        } catch {
            throw ConfigurationError(
                .unknownSection, "unknown section [\(printable(name))] (\(error)); valid are \(valid)",
                at: (file, section.line), cause: error)
        }
    }
}

/// The kinds of section there are.
private enum SectionName: Hashable {
    case general
    case hypervisor(String)
    case template(String)
    case machine(String)
    case other(String)

    init(_ name: String) {
        if name == "stillpoint" {
            self = .general
        } else if let rest = name.after("hypervisor ") {
            self = .hypervisor(rest)
        } else if let rest = name.after("template_") {
            self = .template(rest)
        } else if let rest = name.after("vm ") {
            self = .machine(rest)
        } else {
            self = .other(name)
        }
    }
}

extension String {
    fileprivate func after(_ prefix: String) -> String? {
        guard hasPrefix(prefix) else { return nil }
        return String(dropFirst(prefix.count).drop { $0 == " " })
    }
}

extension Policy {
    fileprivate init(_ reader: SectionReader) throws(ConfigurationError) {
        strategies = try reader.list(.strategy, of: Strategy.self)
        if let strategies, strategies.count > 1, strategies.contains(.ignore) {
            throw reader.bad(.strategy, "'ignore' must stand alone")
        }
        onFailure = try reader.choice(.onFailure, of: OnFailure.self)
    }
}

/// `[template_NAME]` sections, for `use_template`.
private struct Templates {
    struct Template {
        var policy = Policy()
        var recursive: DatasetSection.Recursive?
    }

    private var byName: [String: Template] = [:]

    init(_ file: INIFile) throws(ConfigurationError) {
        for section in file.sections {
            guard case .template(let name) = SectionName(section.name) else { continue }
            let reader = try SectionReader(section, of: file.path, keys: ConfigurationKey.template)
            byName[name] = Template(
                policy: try Policy(reader), recursive: try reader.choice(.recursive, of: DatasetSection.Recursive.self))
        }
    }

    /// What `use_template` of a section gives; a later name in its list beats an earlier one, as in sanoid.conf.
    func named(by reader: SectionReader) throws(ConfigurationError) -> Template {
        guard let list = try reader.string(.useTemplate) else { return Template() }
        var result = Template()
        for part in list.split(separator: ",") {
            let name = String(part.filter { $0 != " " })
            guard let template = byName[name] else {
                let hint = nearest(to: name, among: Array(byName.keys)).map { "did you mean '\($0)'?" }
                throw reader.bad(.useTemplate, hint ?? "there is no section [template_\(printable(name))]")
            }
            result.policy = template.policy.filled(from: result.policy)
            result.recursive = template.recursive ?? result.recursive
        }
        return result
    }
}
