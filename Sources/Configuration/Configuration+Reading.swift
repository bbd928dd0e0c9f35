internal import Hypervisor
internal import INIFile
internal import Support

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

    /// What `[stillpoint]` says in a file that `load` refuses: each key whose value is right. It is enough to tell those of it who
    /// are told of runs, and nothing else is to be done by it.
    /// - Returns: nil where the file cannot be read, or others could change it.
    package static func salvaged(path: String?, environment: [String: String]) -> Configuration? {
        let path = path ?? environment["STILLPOINT_CONFIG"] ?? defaultPath
        guard let file = try? INIFile.salvage(path: path) else { return nil }
        var configuration = Configuration()
        for section in file.sections where (try? SectionName(section.name, at: (path, section.line))) == .general {
            var reader = SectionReader(section, of: path)
            configuration.readKeys(&reader)
        }
        return configuration
    }

    init(_ file: INIFile, kinds: [String]) throws(ConfigurationError) {
        self.init()
        let sections = try Self.named(file)
        let templates = try Self.templates(sections, of: file.path)
        var listed: [HypervisorSettings] = []
        var daemons = LibvirtDaemons(file: file.path)
        for (name, section) in sections {
            var reader = SectionReader(section, of: file.path)
            switch name {
            case .template: continue
            case .general: readKeys(&reader)
            case .hypervisor(let name):
                var settings = HypervisorSettings(name: name)
                settings.readKeys(&reader, kinds: kinds)
                let line = reader.line(of: "uri")?.line ?? section.line
                try reader.finish()
                try daemons.add(settings, line: line)
                listed.append(settings)
                continue
            case .machine(let pattern):
                var machine = VMSection(pattern: pattern)
                machine.readKeys(&reader, templates: templates)
                machines.append(machine)
            case .type(let name):
                var type = TypeSection(name: name)
                type.readKeys(&reader, templates: templates)
                types.append(type)
            case .dataset(let name):
                var dataset = DatasetSection(dataset: name)
                dataset.readKeys(&reader, templates: templates)
                datasets.append(dataset)
            }
            try reader.finish()
        }
        if !listed.isEmpty { hypervisors = listed }
    }

    /// The sections in the file's order, each of them once.
    private static func named(
        _ file: INIFile
    ) throws(ConfigurationError) -> [(name: SectionName, section: INIFile.Section)] {
        var seen: [SectionName: Int] = [:]
        var named: [(name: SectionName, section: INIFile.Section)] = []
        for section in file.sections {
            let name = try SectionName(section.name, at: (file.path, section.line))
            if let first = seen.updateValue(section.line, forKey: name) {
                throw ConfigurationError(
                    .duplicate, "[\(printable(section.name))] stands in line \(first) already; join the two",
                    at: (file.path, section.line))
            }
            named.append((name, section))
        }
        return named
    }

    private static func templates(
        _ sections: [(name: SectionName, section: INIFile.Section)], of file: String
    ) throws(ConfigurationError) -> [String: Template] {
        var templates: [String: Template] = [:]
        for case (.template(let name), let section) in sections {
            var reader = SectionReader(section, of: file)
            templates[name, default: Template()].readKeys(&reader)
            try reader.finish()
        }
        return templates
    }
}
