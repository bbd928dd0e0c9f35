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

    /// Each for a situation, with its lines for sanoid.conf.
    static let situations = ((try? ScratchFolder(path: folder).names(in: ".")) ?? []).filter {
        $0.hasSuffix(".conf") && !["stillpoint.conf", "sanoid-with-stillpoint.conf"].contains($0)
    }

    @Test("that are configurations of ours are valid, and in the index", arguments: situations)
    func ours(_ name: String) throws {
        let configuration = try Self.load(name)
        #expect(configuration.overlayDirectory == "/var/lib/libvirt/stillpoint")
        let index = String(decoding: try readFile(Self.folder + "/README.md"), as: UTF8.self)
        #expect(index.contains("| [\(name)](\(name)) |"))
    }

    @Test("are there for each situation")
    func complete() {
        let known = [
            "local-kvm.conf", "kvm-on-nfs.conf", "esxi-nfs.conf", "vcenter-iscsi.conf", "with-ram.conf",
            "strict-production.conf", "unattended.conf", "rules.conf", "replica.conf",
        ]
        #expect(Set(Self.situations) == Set(known))
    }

    @Test(
        "have lines for sanoid.conf that take their datasets, with both hooks and time for them", arguments: situations)
    func sanoidLines(_ name: String) throws {
        let configuration = try Self.load(name)
        let text = try SanoidLines(of: name, in: Self.folder).text
        let sanoid = try withScratchFolder { scratch in
            try scratch.write("sanoid.conf", text)
            return try SanoidConfiguration(directory: scratch.path, defaultsPaths: [])
        }
        let names = text.split(separator: "\n").compactMap { $0.wholeMatch(of: /\[([^\]]+)\]/)?.1 }
        let sections = try names.filter { !$0.hasPrefix("template_") }.map { try DatasetName(String($0)) }
        #expect(!sections.isEmpty)
        #expect(sections.allSatisfy { (sanoid.scriptTimeout(for: $0) ?? .zero) >= .seconds(120) })
        // One dataset's hooks for all below it, at one instant.
        for dataset in configuration.namedDatasets {
            let isTaken = sections.contains { $0 == dataset || sanoid.takesAlong(dataset, below: $0) }
            #expect(isTaken, "\(dataset)")
        }
        let isReplica = name == "replica.conf"
        #expect(text.contains("pre_snapshot_script = /usr/lib/stillpoint/pre-snapshot\n") != isReplica)
        #expect(text.contains("post_snapshot_script = /usr/lib/stillpoint/post-snapshot\n") != isReplica)
        #expect(text.contains("autosnap = no\n") == isReplica)
        let policies = [configuration.policy] + configuration.datasets.map(\.policy)
        let aborts = policies.contains { $0.onFailure == .abort }
        #expect(text.contains("no_inconsistent_snapshot = yes\n") == aborts)
        let dumps = (configuration.machines.map(\.policy) + policies).contains {
            $0.strategies?.contains(.memory) == true
        }
        let isOnThisHost = configuration.hypervisors.allSatisfy { $0.kind == "libvirt" }
        if dumps && isOnThisHost { #expect(text.contains("pruning_script = /usr/lib/stillpoint/prune-snapshot\n")) }
    }

    @Test("The unattended one tells by every way that there is")
    func unattended() throws {
        let notification = try Self.load("unattended.conf").notifications
        #expect(notification.metricsFile?.hasSuffix(".prom") == true)
        #expect(notification.mailTo != nil && notification.mailOn == .change && notification.smtpURL != nil)
        #expect(notification.webhookURL?.hasPrefix("https://") == true)
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

/// What stands in an example's comments behind `# /etc/sanoid/sanoid.conf`, up to the first line that is no comment, without the
/// blanks before it.
struct SanoidLines {
    let text: String

    init(of name: String, in folder: String) throws {
        let all = String(decoding: try readFile("\(folder)/\(name)"), as: UTF8.self)
            .split(separator: "\n", omittingEmptySubsequences: false)
        let begin = try #require(all.firstIndex { $0.hasPrefix("# /etc/sanoid/sanoid.conf") })
        let lines = all[(begin + 1)...].prefix { $0 == "#" || $0.hasPrefix("#     ") }
        text = lines.map { $0.dropFirst(6) + "\n" }.joined()
    }
}

extension Configuration {
    /// Those that sections name, and to which datastores, LUNs and paths lead.
    fileprivate var namedDatasets: [DatasetName] {
        let rules = hypervisors.map(\.storageRules)
        return datasets.map(\.dataset) + rules.flatMap(\.datastores.values) + rules.flatMap(\.luns.values)
            + hypervisors.compactMap(\.site).flatMap(\.paths.lines).compactMap { line in
                let path = line.ours.hasPrefix("/dev/zvol/") ? line.ours.dropFirst(10) : line.ours.dropFirst()
                return try? DatasetName(String(path))
            }
    }
}
