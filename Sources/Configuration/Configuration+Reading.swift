internal import Hypervisor
internal import INIFile
internal import Support
internal import ZFS

extension Configuration {
    /// Where the configuration is when nobody says otherwise.
    package static let defaultPath = "/etc/stillpoint/stillpoint.conf"

    /// The configuration in `path`, else in `$STILLPOINT_CONFIG`, else in the default place, where it may be missing.
    /// - Parameter kinds: the kinds of hypervisor that this program has.
    package static func load(
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
        let templates = try Self.templates(file)
        var listed: [HypervisorSettings] = []
        for section in file.sections {
            var reader = SectionReader(section, of: file.path)
            switch SectionName(section.name) {
            case .template: continue
            case .general: readKeys(&reader)
            case .hypervisor(let name):
                var settings = HypervisorSettings(name: name)
                settings.readKeys(&reader, kinds: kinds)
                listed.append(settings)
            case .machine(let pattern):
                var machine = VMSection(pattern: pattern)
                machine.readKeys(&reader, templates: templates)
                machines.append(machine)
            case .other(let name):
                var dataset = DatasetSection(dataset: try Self.dataset(name, at: (file.path, section.line)))
                dataset.readKeys(&reader, templates: templates)
                datasets.append(dataset)
            }
            try reader.finish()
        }
        if !listed.isEmpty { hypervisors = listed }
    }

    private static func templates(_ file: INIFile) throws(ConfigurationError) -> [String: Template] {
        var templates: [String: Template] = [:]
        for section in file.sections {
            guard case .template(let name) = SectionName(section.name) else { continue }
            var reader = SectionReader(section, of: file.path)
            templates[name, default: Template()].readKeys(&reader)
            try reader.finish()
        }
        return templates
    }

    private static func dataset(
        _ name: String, at place: (file: String, line: Int)
    ) throws(ConfigurationError) -> DatasetName {
        // A word so near to "stillpoint" is no pool but a slip.
        if editDistance(name, "stillpoint") <= 2 {
            throw ConfigurationError(
                .unknownSection, "unknown section [\(printable(name))]; did you mean [stillpoint]?", at: place)
        }
        do {
            return try DatasetName(name)
        } catch {
            let valid = "[stillpoint], [hypervisor NAME], [template_NAME], [vm PATTERN] and [DATASET]"
            throw ConfigurationError(
                .unknownSection, "unknown section [\(printable(name))] (\(error)); valid are \(valid)", at: place,
                cause: error)
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
