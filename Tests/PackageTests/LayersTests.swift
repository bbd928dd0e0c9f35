import TestSupport
import Testing

@Suite("The layers")
struct LayersTests {
    private let manifest: Manifest
    /// Those of CONTRIBUTING.md's picture, from the top, each with its targets.
    private let layers: [[String]]

    init() throws {
        manifest = try Manifest()
        var layers: [[String]] = []
        for line in try Manifest.text("CONTRIBUTING.md").split(separator: "\n") {
            if line.hasPrefix("┌") || line.hasPrefix("├") { layers.append([]) }
            guard line.hasPrefix("│") else { continue }
            layers[layers.count - 1] += line.split { $0 == " " || $0 == "│" }.map(String.init)
        }
        self.layers = layers
    }

    @Test("are those of CONTRIBUTING.md's picture: each target is drawn once")
    func picture() throws {
        #expect(manifest.dependencies.count > 10)
        #expect(layers.joined().sorted() == manifest.dependencies.keys.sorted())
        #expect(try Manifest.folder.names(in: "Sources") == manifest.dependencies.keys.sorted())
    }

    @Test("depend on those below them alone")
    func arrows() {
        var level: [String: Int] = [:]
        for (number, layer) in layers.enumerated() { for name in layer { level[name] = number } }
        for (target, others) in manifest.dependencies {
            for other in others {
                #expect(level[target, default: .max] < level[other, default: -1], "\(target) depends on \(other)")
            }
        }
    }

    @Test("have a line each in CONTRIBUTING.md's table")
    func table() throws {
        let rows = try MarkdownTable(["target", "concept"], in: "CONTRIBUTING.md").rows
        let names = rows.flatMap { row in (row["target"] ?? "").matches(of: /`([^`]+)`/).map { String($0.1) } }
        let programs = Set(layers.first ?? [])
        #expect(
            Set(names).subtracting(programs).sorted() == Set(manifest.dependencies.keys).subtracting(programs).sorted())
        #expect(names.count == Set(names).count)
    }

    /// The package manager finds the module of any target that is built already, whether it is named as a dependency or not.
    @Test("import what Package.swift says, and all of it")
    func imports() throws {
        for (target, others) in manifest.dependencies {
            let files = try Manifest.swiftFiles(in: "Sources/\(target)")
            guard !files.isEmpty else { continue }
            var imported: Set<String> = []
            for file in files {
                for match in try Manifest.text(file).matches(of: /(?m)^[@a-z ]*import (\w+)$/) {
                    imported.insert(String(match.1))
                }
            }
            #expect(imported.intersection(manifest.dependencies.keys) == others, "\(target)")
        }
    }

    @Test(
        "know nothing of our subject in the lowest one, Support",
        arguments: try Manifest.swiftFiles(in: "Sources/Support"))
    func words(file: String) throws {
        let text = try Manifest.text(file).lowercased()
        for word in [
            "zfs", "zpool", "zvol", "dataset", "snapshot", "libvirt", "qemu", "guest", "hypervisor", "vsphere",
            "overlay",
            "sanoid", "qcow2", "hook", "zrepl", "znap", "freez", "thaw", "virtual machine", "state_dir", "ram_dir",
        ] {
            #expect(!text.contains(word))
        }
    }
}
