import Hypervisor
import RAMArchive
import SnapshotManagers
import TestSupport
import Testing
import ZFS

@testable import Configuration

@Suite("The examples")
struct ExampleTests {
    private static let folder = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined() + "/examples"

    /// From a copy: the sources may be another user's than who runs the tests, whose files would not be obeyed.
    private static func load(_ name: String) throws -> Configuration {
        try withScratchFolder { scratch in
            try Configuration.load(
                path: scratch.write(name, readFile("\(folder)/\(name)")), environment: [:],
                kinds: ["libvirt", "vsphere", "exec"])
        }
    }

    @Test(
        "that are configurations of ours are valid",
        arguments: [
            "local-kvm.conf", "strict-production.conf", "with-ram.conf", "esxi-nfs.conf", "vcenter-iscsi.conf",
            "replica.conf", "rules.conf", "kvm-on-nfs.conf",
        ])
    func ours(_ name: String) throws {
        let configuration = try Self.load(name)
        #expect(configuration.overlayDirectory == "/var/lib/libvirt/stillpoint")
    }

    @Test(
        "The one that is installed says nothing, and what is commented out in it are all general keys with their defaults"
    )
    func installed() throws {
        #expect(try Self.load("stillpoint.conf").policy == Configuration().policy)
        let text = String(decoding: try readFile(Self.folder + "/stillpoint.conf"), as: UTF8.self)
        // `#key = value` and `#[section]`; what explains them has a blank behind the sign.
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            line.hasPrefix("#") && !line.hasPrefix("# ") ? line.dropFirst() : line
        }
        let found = try withScratchFolder { scratch in
            try Configuration.load(
                path: scratch.write("stillpoint.conf", lines.joined(separator: "\n")), environment: [:],
                kinds: ["libvirt"])
        }
        #expect(found.policy == Configuration().policy && found.hypervisors == Configuration().hypervisors)
        let general = try #require(ConfigurationReference.sections.first)
        #expect(general.name == "[stillpoint]" && general.keys.count > 10)
        for key in general.keys {
            let line = "\(key.name) = \(key.writtenDefault ?? "")"
            #expect(lines.contains { key.writtenDefault == nil ? $0.hasPrefix(line) : $0 == line }, "\(line)")
        }
    }

    @Test("The strict one aborts where it says so, and ignores whom it says")
    func strict() throws {
        let configuration = try Self.load("strict-production.conf")
        let production = configuration.policy(
            of: RuleTests.machine("web"), on: try DatasetName("tank/VM/production/web"), types: [])
        #expect(production == Policy(strategies: [.quiesce], onFailure: .abort))
        let runner = configuration.policy(
            of: RuleTests.machine("ci-runner-7"), on: try DatasetName("tank/VM/lab"), types: [])
        #expect(runner.strategies == [.ignore])
    }

    @Test(
        "The one of rules gives RAM to databases, little to frequent snapshots, and strictness to production",
        arguments: [
            ("db1", "tank/VM/lab", ["hourly"], [.memory, .quiesce], .continue),
            ("db1", "tank/VM/lab", ["frequently"], [.memory, .quiesce], .continue),
            ("web", "tank/VM/lab", ["frequently"], [.crashConsistent], .continue),
            ("web", "tank/VM/lab", ["frequently", "hourly"], [.quiesce, .crashConsistent], .continue),
            ("web", "tank/VM/production", ["daily"], [.quiesce], .abort),
            ("web", "tank/VM/production", ["frequently"], [.crashConsistent], .continue),
            ("ci-runner-7", "tank/VM/production", ["daily"], [.ignore], .abort),
        ] as [(String, String, [String], [Strategy], Policy.OnFailure)])
    func rules(name: String, dataset: String, types: [String], strategies: [Strategy], onFailure: Policy.OnFailure)
        throws
    {
        let found = try Self.load("rules.conf").policy(
            of: RuleTests.machine(name, id: "52d63eee-0000-4000-8000-000000000009"), on: try DatasetName(dataset),
            types: types)
        #expect(found == Policy(strategies: strategies, onFailure: onFailure))
    }

    @Test("sanoid.conf is read as sanoid reads it: recursive by ZFS, two minutes for a script")
    func sanoid() throws {
        let sanoid = try withSanoidExample { try SanoidConfiguration(directory: $0, defaultsPaths: []) }
        #expect(sanoid.isZFSRecursive(try DatasetName("tank/VM")))
        #expect(sanoid.scriptTimeout(for: try DatasetName("tank/VM")) == .seconds(120))
    }

    private func withSanoidExample<Value>(_ body: (String) throws -> Value) throws -> Value {
        try withScratchFolder { scratch in
            let text = String(decoding: try readFile(Self.folder + "/sanoid-with-stillpoint.conf"), as: UTF8.self)
            try scratch.write("sanoid.conf", text)
            return try body(scratch.path)
        }
    }
}
