import HostFixtures
import INIFile
import SnapshotManagers
import TestSupport
import Testing
import ZFS

@testable import RunState

@Suite("The scope of a snapshot")
struct ScopeTests {
    static let sanoid = """
        [tank]
        use_template = production
        recursive = zfs
        [tank/VM]
        recursive = yes
        [template_production]
        daily = 1

        """

    private func recursiveTargets(
        _ targets: [String], _ recursion: Invocation.Recursion, configuration text: String = "", sanoid: String?
    ) throws -> [String] {
        try withHost { host in
            if let sanoid { try host.scratch.write("sanoid/sanoid.conf", sanoid) }
            let general = "[stillpoint]\nsanoid_dir = \(host.scratch.path)/sanoid\n"
            let scope = try host.scope(targets, recursion: recursion, host.configuration(general + text))
            return scope.recursiveTargets.map(\.rawValue)
        }
    }

    @Test(
        "is what sanoid.conf says where sanoid does not tell",
        arguments: [
            (["tank"], ["tank"]), (["tank/VM"], []), (["tank/other"], []), (["tank", "tank/VM"], ["tank"]),
        ])
    func auto(targets: [String], expected: [String]) throws {
        #expect(try recursiveTargets(targets, .auto, sanoid: Self.sanoid) == expected)
    }

    @Test("is the dataset alone without a sanoid.conf")
    func withoutSanoid() throws {
        #expect(try recursiveTargets(["tank"], .auto, sanoid: nil).isEmpty)
    }

    @Test(
        "is what the configuration says, whatever the manager and sanoid.conf say",
        arguments: [Invocation.Recursion.no, .yes, .auto])
    func configured(recursion: Invocation.Recursion) throws {
        let yes = "[tank/VM]\nrecursive = yes"
        #expect(try recursiveTargets(["tank/VM"], recursion, configuration: yes, sanoid: Self.sanoid) == ["tank/VM"])
        let no = "[tank]\nrecursive = no"
        #expect(try recursiveTargets(["tank"], recursion, configuration: no, sanoid: Self.sanoid).isEmpty)
    }

    @Test(
        "is what the manager says where the configuration leaves it open",
        arguments: [(Invocation.Recursion.yes, 1), (.no, 0)])
    func told(recursion: Invocation.Recursion, count: Int) throws {
        let auto = "[tank]\nrecursive = auto"
        #expect(try recursiveTargets(["tank"], recursion, configuration: auto, sanoid: Self.sanoid).count == count)
    }

    @Test("cannot be told where sanoid.conf cannot be read")
    func unreadable() throws {
        try withHost { host in
            try host.scratch.folder("sanoid/sanoid.conf")
            let configuration = try host.configuration("[stillpoint]\nsanoid_dir = \(host.scratch.path)/sanoid\n")
            #expect(throws: INIError.self) { try host.scope(["tank"], recursion: .auto, configuration) }
            #expect(try host.scope(["tank"], recursion: .no, configuration).recursiveTargets.isEmpty)
        }
    }

    @Test(
        "holds a target, and what is below a recursive one",
        arguments: [
            ("tank/VM", true), ("tank/VM/db", true), ("tank/VM2", false), ("tank", false), ("rpool", true),
            ("rpool/a", false),
        ])
    func contains(name: String, expected: Bool) throws {
        let run = try makeRun("1", targets: ["tank/VM", "rpool"], recursive: ["tank/VM"])
        #expect(Scope(run).contains(try DatasetName(name)) == expected)
    }
}
