import Hypervisor
import TestSupport
import Testing
import ZFS

@testable import Configuration

@Suite("A sample configuration")
struct ConfigurationSampleTests {
    /// `Configurations` beside this file.
    static let folder = SampleFolder(path: #filePath.split(separator: "/").dropLast().map { "/" + $0 }.joined())

    static func load(_ path: String) throws -> Configuration {
        // From a copy: the sources may be another user's than who runs the tests, whose files would not be obeyed.
        try withScratchFolder { scratch in
            let copy = try scratch.write(String(path.split(separator: "/").last ?? ""), readFile(path))
            return try Configuration.load(path: copy, environment: [:], kinds: ["libvirt", "vsphere", "exec", "fake"])
        }
    }

    @Test("that is wrong is refused with place and fix, as its first line says", arguments: folder.samples("invalid"))
    func invalid(name: String) throws {
        let path = "\(Self.folder.path)/Configurations/invalid/\(name)"
        let text = try String(decoding: readFile(path), as: UTF8.self)
        let expected = try #require(text.split(separator: "\n").first?.dropFirst(2))
        let error = #expect(throws: ConfigurationError.self) { try Self.load(path) }
        #expect(error?.description.hasSuffix("/\(name):\(expected)") == true, "\(error?.description ?? "")")
    }

    @Test("that is right is read", arguments: folder.samples("valid"))
    func valid(name: String) throws {
        let configuration = try Self.load("\(Self.folder.path)/Configurations/valid/\(name)")
        #expect(!configuration.hypervisors.isEmpty)
        #expect(configuration.stateDirectory.hasPrefix("/"))
    }

    @Test("of libvirtds elsewhere is read to the letter")
    func remote() throws {
        let found = try Self.load(Self.folder.path + "/Configurations/valid/remote.conf").hypervisors
        let device = "/dev/disk/by-path/ip-10.0.0.1:3260-iscsi-iqn.2003-01.org.linux-iscsi.a:x=y-lun-0"
        var first = HypervisorSettings(
            name: "kvm1", uri: "qemu+ssh://root@kvm1/system?keyfile=/etc/stillpoint/key")
        first.site = RemoteSite(
            paths: PathMap([
                PathMap.Line(theirs: "/mnt/vmstore", ours: "/tank/VM"),
                PathMap.Line(theirs: "/mnt/vmstore/db", ours: "/tank/VM/db"),
                PathMap.Line(theirs: device, ours: "/dev/zvol/tank/web"),
            ]), overlayDirectory: "/var/lib/libvirt/stillpoint")
        var second = HypervisorSettings(name: "other-namespace")
        second.site = RemoteSite(
            paths: PathMap([PathMap.Line(theirs: "/vm", ours: "/tank/other")]), overlayDirectory: "/o")
        #expect(found == [first, second])
    }

    @Test("is there at all")
    func complete() {
        #expect(Self.folder.samples("invalid").count > 20)
        #expect(Self.folder.samples("valid").count > 3)
    }

    @Test("of vSphere is read to the letter")
    func vSphere() throws {
        let found = try Self.load(Self.folder.path + "/Configurations/valid/vsphere.conf").hypervisors
        var first = HypervisorSettings(name: "vc", kind: "vsphere", uri: "https://vc.example.com/sdk")
        first.login = ServerLogin(
            username: "stillpoint@vsphere.local", passwordFile: "/etc/stillpoint/vc.password",
            trust: .thumbprint(String(repeating: "ab", count: 31) + "cd"))
        first.maxParallel = 30
        first.quiesceAttempts = 3
        first.storageRules.datastores = [
            "nfs-vm": try DatasetName("tank/vmware"), "a=b": try DatasetName("tank/a"),
        ]
        first.storageRules.luns = ["naa.6001405abc": try DatasetName("tank/lun0")]
        var second = HypervisorSettings(name: "esx", kind: "vsphere", uri: "https://esx/sdk")
        second.login = ServerLogin(
            username: "root", passwordFile: nil, trust: .certificates(path: "/etc/ssl/esx.pem"))
        second.maxParallel = 32
        #expect(found == [first, second])
    }

    @Test("of kind = exec is read to the letter")
    func listedVMs() throws {
        let found = try Self.load(Self.folder.path + "/Configurations/valid/exec.conf").hypervisors
        var apps = HypervisorSettings(name: "apps", kind: "exec", uri: "")
        apps.maxParallel = 2
        apps.listedVMs = [
            "redis": [try DatasetName("tank/redis"), try DatasetName("tank/wal")], "a=b": [try DatasetName("tank/a")],
        ]
        #expect(found == [apps])
    }

    @Test("with every key is read to the letter")
    func full() throws {
        let found = try Self.load(Self.folder.path + "/Configurations/valid/full.conf")
        #expect(found.stateDirectory == "/srv/state")
        #expect(found.overlayDirectory == "/srv/overlays")
        #expect(found.sanoidDirectory == "/srv/sanoid")
        #expect(found.maxParallel == 256)
        #expect(found.agentTimeout == .seconds(7))
        #expect(found.freezeTimeout == .seconds(75))
        #expect(found.freezeLimit == .seconds(8))
        #expect(found.commitTimeout == .seconds(86400))
        #expect(found.policy == Policy(strategies: [.crashConsistent], onFailure: .abort))
        #expect(
            found.hypervisors == [
                HypervisorSettings(name: "one", kind: "fake", uri: "qemu+ssh://root@one/system"),
                HypervisorSettings(name: "two", kind: "libvirt", uri: "qemu:///system"),
            ])
        let datasets = try ["tank", "tank/VM", "tank/VM/db"].map { try DatasetName($0) }
        #expect(
            found.datasets == [
                DatasetSection(dataset: datasets[0], policy: Policy(strategies: [.ignore])),
                // The last template beats the ones before it.
                DatasetSection(
                    dataset: datasets[1], policy: Policy(strategies: [.quiesce], onFailure: .continue), recursive: .no),
                DatasetSection(
                    dataset: datasets[2], policy: Policy(strategies: [.quiesce], onFailure: .abort), recursive: .auto),
            ])
        #expect(
            found.machines == [
                VMSection(
                    pattern: .name("web*"), policy: Policy(strategies: [.quiesce, .crashConsistent], onFailure: .abort)),
                VMSection(pattern: .name("db[0-9]"), policy: Policy(strategies: [.ignore])),
            ])
    }

    @Test("with another system's line ends is read")
    func lineEnds() throws {
        #expect(try Self.load(Self.folder.path + "/Configurations/valid/crlf.conf").maxParallel == 3)
    }

    @Test(
        "has the nearest section win: vm before dataset before general",
        arguments: [
            ("db", "tank/VM/db", Policy(strategies: [.quiesce], onFailure: .continue)),
            ("db", "tank/VM/db/below", Policy(strategies: [.quiesce], onFailure: .continue)),
            ("db", "tank/VM", Policy(strategies: [.crashConsistent], onFailure: .continue)),
            ("db", "tank/VM2", Policy(strategies: [.crashConsistent], onFailure: .continue)),
            ("db", "tanker", Policy(strategies: [.quiesce, .crashConsistent], onFailure: .abort)),
            ("web01", "tank/VM/db", Policy(strategies: [.ignore], onFailure: .continue)),
            ("web02", "tank/VM/db", Policy(strategies: [.quiesce], onFailure: .abort)),
            ("Web02", "tanker", Policy(strategies: [.quiesce, .crashConsistent], onFailure: .abort)),
        ])
    func nearest(machine: String, dataset: String, expected: Policy) throws {
        let found = try Self.load(Self.folder.path + "/Configurations/valid/nearest.conf")
        #expect(found.policy(of: RuleTests.machine(machine), on: try DatasetName(dataset), types: []) == expected)
    }

    @Test(
        "has the nearest section say whether a snapshot is recursive",
        arguments: [
            ("tank", .yes), ("tank/other", .yes), ("tank/VM", .no), ("tank/VM/db", .no), ("tanker", .auto),
        ] as [(String, DatasetSection.Recursive)])
    func recursive(dataset: String, expected: DatasetSection.Recursive) throws {
        let found = try Self.load(Self.folder.path + "/Configurations/valid/nearest.conf")
        #expect(found.recursive(for: try DatasetName(dataset)) == expected)
    }
}

/// The samples beside the tests.
struct SampleFolder: Sendable {
    let path: String

    /// File names, sorted; an unreadable folder has none, which a test of its own finds.
    func samples(_ name: String) -> [String] {
        let folder = ScratchFolder(path: "\(path)/Configurations/\(name)")
        return (try? folder.names(in: ".")) ?? []
    }
}
