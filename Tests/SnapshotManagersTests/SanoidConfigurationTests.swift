import SnapshotManagers
import TestSupport
import Testing
import ZFS

@Suite("sanoid.conf")
struct SanoidConfigurationTests {
    static let recursive = """
        [tank/zfs]
            use_template = production
            recursive = zfs
        [tank/Zfs]
            recursive = ZFS
        [tank/each]
            recursive = yes
        [tank/template]
            use_template = tree
        [alias]
            path = tank/aliased
            recursive = zfs
        [template_tree]
            recursive = zfs
        [template_production]
            daily = 30
            post_snapshot_script = /bin/sh -c 'a very long line'\(String(repeating: " x", count: 200))
        """

    private func timeout(_ conf: String?, _ dataset: String, defaults: String? = nil) throws -> Duration? {
        try withScratchFolder { scratch in
            if let conf { try scratch.write("sanoid.conf", conf) }
            if let defaults { try scratch.write("sanoid.defaults.conf", defaults) }
            let configuration = try SanoidConfiguration(
                directory: scratch.path, defaultsPaths: [scratch.path + "/sanoid.defaults.conf"])
            return configuration.scriptTimeout(for: try DatasetName(dataset))
        }
    }

    @Test(
        "tells what is snapshotted with all below it in one go",
        arguments: [
            ("tank/zfs", true), ("tank/Zfs", true), ("tank/each", false), ("tank/template", false),
            ("tank/aliased", true), ("alias", false), ("tank/zfs/child", false), ("tank", false), ("rpool", false),
        ])
    func zfsRecursive(dataset: String, expected: Bool) throws {
        try withScratchFolder { scratch in
            try scratch.write("sanoid.conf", Self.recursive)
            let configuration = try SanoidConfiguration(directory: scratch.path)
            #expect(configuration.isZFSRecursive(try DatasetName(dataset)) == expected)
        }
    }

    @Test(
        "tells what is snapshotted with what lies above it",
        arguments: [
            ("tank/zfs/new", "tank/zfs", true), ("tank/each/new", "tank/each", true),
            ("tank/each/a/new", "tank/each", true),
            ("tank/aliased/new", "tank/aliased", true), ("tank/template/new", "tank/template", false),
            ("tank/new", "tank", false), ("tank/each2/new", "tank/each", false), ("tank/each", "tank/each", false),
        ])
    func takenAlong(dataset: String, root: String, expected: Bool) throws {
        try withScratchFolder { scratch in
            try scratch.write("sanoid.conf", Self.recursive)
            let configuration = try SanoidConfiguration(directory: scratch.path)
            #expect(configuration.takesAlong(try DatasetName(dataset), below: try DatasetName(root)) == expected)
        }
    }

    @Test(
        "tells how long a script may run",
        arguments: [
            // nothing said
            ("[tank]\n", "tank", 5),
            // the section, its templates in order, the default template
            ("[tank]\nscript_timeout = 60\n", "tank", 60),
            ("[tank]\nuse_template = a\n[template_a]\nscript_timeout = 61\n", "tank", 61),
            (
                "[tank]\nuse_template = a , b\n[template_a]\nscript_timeout=1\n[template_b]\nscript_timeout=62\n",
                "tank", 62
            ),
            ("[tank]\nuse_template = a,b\n[template_a]\nscript_timeout=63\n[template_b]\ndaily=1\n", "tank", 63),
            ("[tank]\nuse_template = a\nscript_timeout = 64\n[template_a]\nscript_timeout = 1\n", "tank", 64),
            ("[template_default]\nscript_timeout = 65\n[tank]\n", "tank", 65),
            (
                "[template_default]\nscript_timeout = 65\n[tank]\nuse_template = a\n[template_a]\ndaily = 1\n", "tank",
                65
            ),
            ("[template_default]\nscript_timeout = 66\n", "rpool", 66),
            // none, and what Perl makes of other text
            ("[tank]\nscript_timeout = 0\n", "tank", nil), ("[tank]\nscript_timeout =\n", "tank", nil),
            ("[tank]\nscript_timeout = never\n", "tank", nil), ("[tank]\nscript_timeout = 30s\n", "tank", 30),
            ("[tank]\nscript_timeout = -1\n", "tank", nil),
            // a section by its path
            ("[alias]\npath = tank\nscript_timeout = 67\n", "tank", 67),
            // from above, where that is recursive
            ("[tank]\nrecursive = yes\nscript_timeout = 70\n", "tank/a/b", 70),
            ("[tank]\nrecursive = zfs\nscript_timeout = 71\n", "tank/a", 71),
            ("[tank]\nscript_timeout = 72\n", "tank/a", 5),
            ("[tank]\nrecursive = no\nscript_timeout = 1\n", "tank/a", 5),
            ("[tank]\nrecursive = yes\nscript_timeout = 1\n", "tank2", 5),
            ("[tank]\nrecursive=yes\nscript_timeout=1\n[tank/a]\nrecursive=yes\nscript_timeout=73\n", "tank/a/b", 73),
            ("[tank]\nrecursive=yes\nscript_timeout=1\n[tank/a]\nscript_timeout=74\n", "tank/a", 74),
            ("[tank]\nrecursive=yes\nscript_timeout=75\n[tank/a]\ndaily=1\n", "tank/a", 75),
            (
                "[tank]\nrecursive=yes\nscript_timeout=1\n[tank/a]\nuse_template=x\n[template_x]\nscript_timeout=76\n",
                "tank/a", 76
            ),
            // sanoid reads the sections in order: a later one above overrides an earlier one below
            ("[tank/a]\nscript_timeout=1\n[tank]\nrecursive=yes\nscript_timeout=77\n", "tank/a", 77),
            ("[tank]\nskip_children=yes\nscript_timeout=1\n", "tank/a", 5),
        ] as [(String, String, Int?)])
    func timeouts(conf: String, dataset: String, expected: Int?) throws {
        #expect(try timeout(conf, dataset) == expected.map { .seconds($0) })
    }

    @Test("takes sanoid's own defaults, which the user's default template beats")
    func defaults() throws {
        let defaults = "[version]\nversion = 2\n[template_default]\nscript_timeout = 9\n"
        #expect(try timeout("[tank]\n", "tank", defaults: defaults) == .seconds(9))
        #expect(try timeout(nil, "tank", defaults: defaults) == .seconds(9))
        let own = "[template_default]\nscript_timeout = 8\n[tank]\n"
        #expect(try timeout(own, "tank", defaults: defaults) == .seconds(8))
    }

    @Test("takes the first file of defaults that there is")
    func firstDefaults() throws {
        try withScratchFolder { scratch in
            let paths = ["none", "one", "two"].map { scratch.path + "/" + $0 }
            try scratch.write("one", "[template_default]\nscript_timeout = 11\n")
            try scratch.write("two", "[template_default]\nscript_timeout = 12\n")
            let configuration = try SanoidConfiguration(directory: scratch.path, defaultsPaths: paths)
            #expect(configuration.scriptTimeout(for: try DatasetName("tank")) == .seconds(11))
        }
    }

    @Test("may be missing")
    func missing() throws {
        let configuration = try SanoidConfiguration(directory: "/nowhere", defaultsPaths: [])
        #expect(!configuration.isZFSRecursive(try DatasetName("tank")))
        #expect(configuration.scriptTimeout(for: try DatasetName("tank")) == .seconds(5))
    }

    @Test("that cannot be read is an error with its path")
    func unreadable() throws {
        try withScratchFolder { scratch in
            try scratch.folder("sanoid.conf")
            let error = #expect(throws: (any Error).self) { try SanoidConfiguration(directory: scratch.path) }
            #expect(error.map { "\($0)".hasPrefix(scratch.path + "/sanoid.conf: ") } == true)
        }
    }
}
