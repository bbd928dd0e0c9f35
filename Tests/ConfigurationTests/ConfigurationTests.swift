import Glibc
import HostFixtures
import Hypervisor
import TestSupport
import Testing
import ZFS

@testable import Configuration

@Suite("The configuration")
struct ConfigurationTests {
    private func load(_ path: String?, _ environment: [String: String] = [:]) throws -> Configuration {
        try Configuration.load(path: path, environment: environment, kinds: ["libvirt"])
    }

    @Test("has defaults for everything")
    func defaults() {
        let found = Configuration()
        #expect(found.stateDirectory == "/var/lib/stillpoint")
        #expect(found.overlayDirectory == "/var/lib/libvirt/stillpoint")
        #expect(found.sanoidDirectory == "/etc/sanoid")
        #expect(found.maxParallel == 16)
        #expect(found.agentTimeout == .seconds(5))
        #expect(found.freezeTimeout == .seconds(60))
        #expect(found.freezeLimit == .seconds(10))
        #expect(found.commitTimeout == .seconds(300))
        #expect(found.policy == Policy(strategies: [.quiesce, .crashConsistent], onFailure: .continue))
        #expect(found.hypervisors == [HypervisorSettings(name: "local", kind: "libvirt", uri: "qemu:///system")])
        #expect(found.datasets.isEmpty && found.machines.isEmpty)
    }

    @Test("may be missing in its default place", .enabled(if: access(Configuration.defaultPath, F_OK) != 0))
    func missing() throws {
        #expect(try load(nil).maxParallel == 16)
    }

    @Test("is where --config says, else where the environment says")
    func place() throws {
        try withScratchFolder { scratch in
            let one = try scratch.write("one.conf", "[stillpoint]\nmax_parallel = 1\n")
            let two = try scratch.write("two.conf", "[stillpoint]\nmax_parallel = 2\n")
            #expect(try load(nil, ["STILLPOINT_CONFIG": one]).maxParallel == 1)
            #expect(try load(two, ["STILLPOINT_CONFIG": one]).maxParallel == 2)
        }
    }

    @Test("must be there when it is named", arguments: ["--config", "environment"])
    func namedAndMissing(how: String) throws {
        try withScratchFolder { scratch in
            let path = scratch.path + "/none.conf"
            let error = #expect(throws: ConfigurationError.self) {
                try how == "--config" ? load(path) : load(nil, ["STILLPOINT_CONFIG": path])
            }
            #expect(error?.code == .unreadable)
            #expect(error?.description.contains(path) == true)
        }
    }

    @Test("must be a file")
    func folder() throws {
        try withScratchFolder { scratch in
            let error = #expect(throws: ConfigurationError.self) { try load(scratch.path) }
            #expect(error?.code == .unreadable)
        }
    }

    @Test(
        "has a code for each kind of mistake",
        arguments: [
            ("[stillpoint]\nx = 1", .unknownKey), ("[stilpoint]", .unknownSection), ("[a]\n[a]", .duplicate),
            ("[a]\nstrategy = quiesce\nstrategy = quiesce", .duplicate), ("[a]\nstrategy = x", .badValue),
            ("[a", .unreadable), ("[a]\nnonsense", .unreadable),
        ] as [(String, ConfigurationError.Code)])
    func codes(text: String, code: ConfigurationError.Code) throws {
        try withHost { host in
            let error = #expect(throws: ConfigurationError.self) { try host.configuration(text) }
            #expect(error?.code == code)
        }
    }

    @Test(
        "refuses two sections of one name, however their names are spaced",
        arguments: ["hypervisor", "vm", "type"])
    func spacing(kind: String) throws {
        try withHost { host in
            let error = #expect(throws: ConfigurationError.self) {
                try host.configuration("[\(kind) a]\n[\(kind)  a]\n")
            }
            #expect(error?.code == .duplicate)
        }
    }

    @Test("takes [dataset vm] and [dataset hypervisor] for pools of that name", arguments: ["vm", "hypervisor"])
    func poolNames(name: String) throws {
        try withHost { host in
            let found = try host.configuration("[dataset \(name)]\nrecursive = yes\n")
            #expect(found.datasets.map(\.dataset.rawValue) == [name])
        }
    }

    @Test(
        "matches a VM's name with a shell pattern",
        arguments: [
            ("db01", "db*", true), ("db", "db*", true), ("xdb", "db*", false), ("db5", "db[0-9]", true),
            ("dbx", "db[0-9]", false), ("a.b", "a?b", true), ("A", "a", false), (".hidden", "*", true),
            ("a/b", "a*b", true), ("", "*", true), ("a*", "a\\*", true),
        ])
    func patterns(name: String, pattern: String, expected: Bool) {
        #expect(matches(name, pattern: pattern) == expected)
    }

    @Test(
        "finds the word that was meant",
        arguments: [
            ("max_paralel", "max_parallel"), ("state-dir", "state_dir"), ("statedir", "state_dir"), ("uri", "uri"),
            ("colour", nil), ("", nil),
        ] as [(String, String?)])
    func nearestWord(word: String, expected: String?) {
        #expect(nearest(to: word, among: ["max_parallel", "state_dir", "uri"]) == expected)
    }

    @Test("measures how far two words are apart", arguments: [("", "", 0), ("abc", "", 3), ("kitten", "sitting", 3)])
    func distance(left: String, right: String, expected: Int) {
        #expect(editDistance(left, right) == expected)
        #expect(editDistance(right, left) == expected)
    }

    @Test(
        "takes a URI with a password for one",
        arguments: [
            ("qemu:///system", false), ("qemu+ssh://root@host/system", false), ("qemu+ssh://host:22/system", false),
            ("qemu+ssh://root@host:22/system?keyfile=/root/k", false), ("qemu+tls://[fe80::1]:16514/system", false),
            ("test:///default", false), ("qemu+tcp://root:pw@host/system", true), ("root:pw@host", true),
            ("qemu+ssh://root:p/w@host/system", true), ("qemu+ssh://root:p?w@host/system", true),
            ("qemu+ssh://root:p#w@host/system", true), ("qemu+ssh://root:p@w@host/system", true),
            ("qemu+ssh://:pw@host/system", true), ("qemu+libssh2://host/system?Password=pw", true),
        ])
    func passwords(uri: String, isOne: Bool) {
        #expect(hasPassword(uri) == isOne)
    }
}
