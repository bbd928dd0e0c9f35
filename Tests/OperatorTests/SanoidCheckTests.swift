import Glibc
import HostFixtures
import Hypervisor
import Support
import TestSupport
import Testing

@testable import Engine
@testable import Operator

@Suite("sanoid.conf, as check judges it")
struct SanoidCheckTests {
    /// `HOOKS` stands for the hooks' folder.
    private static let hooks =
        "pre_snapshot_script = HOOKS/pre-snapshot\npost_snapshot_script = HOOKS/post-snapshot\nscript_timeout = 120\n"

    private func codes(
        _ conf: String, general: String = "", sections: String = "",
        _ prepare: (inout CheckedBench) throws -> Void = { _ in }
    ) async throws -> [FindingCode] {
        var codes: [FindingCode] = []
        try await withCheckedBench(general: general, sections: sections) { bench async throws in
            let parts = conf.split(separator: "HOOKS", omittingEmptySubsequences: false)
            try bench.sanoid(parts.joined(separator: bench.hooks) + "\n")
            try prepare(&bench)
            codes = try await bench.report().findings.map(\.code)
        }
        return codes
    }

    @Test(
        "is in order however its lines come to count",
        arguments: [
            "[tank/VM]\n\(hooks)", "[tank]\nrecursive = zfs\n\(hooks)", "[tank]\nrecursive = yes\n\(hooks)",
            "[tank/VM]\nuse_template = a,b\n[template_a]\nhourly = 3\n[template_b]\n\(hooks)",
            "[tank/VM]\nuse_template = b\nscript_timeout = 90\n[template_b]\n\(hooks)script_timeout = 5",
            "[tank/VM]\nuse_template = default\n\(hooks)", "[tank/VM]\nrecursive = zfs\n\(hooks)[tank/VM/db]\n",
            "[tank/VM]\n\(hooks)script_timeout = 0", "[tank/other]\nautosnap = yes\n[tank/VM]\n\(hooks)",
            "[tank/VM]\npre_snapshot_script = 'HOOKS/pre-snapshot' --type x\n"
                + "post_snapshot_script = /usr/bin/nice HOOKS/post-snapshot\nscript_timeout = 300",
            "[tank/VM]\npre_snapshot_script = flock /run/x HOOKS/pre-snapshot && true\n"
                + "post_snapshot_script = HOOKS/post-snapshot\nscript_timeout = 300",
        ])
    func fine(conf: String) async throws {
        // A key that stands twice is two values for sanoid 2.1.
        let conf = conf.split(separator: "\n").reduce(into: [Substring]()) { lines, line in
            let key = line.prefix { $0 != "=" }
            let start = (lines.lastIndex { $0.hasPrefix("[") } ?? -1) + 1
            if line.contains("="), let index = lines[start...].firstIndex(where: { $0.hasPrefix(key) }) {
                lines[index] = line
            } else {
                lines.append(line)
            }
        }.joined(separator: "\n")
        #expect(try await codes(conf) == [], "\(conf)")
    }

    @Test(
        "is not where a line is missing, or another says otherwise",
        arguments: [
            ("[tank/VM]\n", [.hooksMissing]), ("[tank]\nrecursive = zfs\n", [.hooksMissing]),
            ("[tank]\nrecursive = yes\n[tank/other]\n\(hooks)", [.hooksMissing]),
            // Of a section with a path sanoid finds no script.
            ("[vms]\npath = tank/VM\n\(hooks)", [.hooksMissing]),
            ("[tank/VM]\nuse_template = a\nuse_template = b\n[template_a]\n\(hooks)[template_b]\n", [.hooksMissing]),
            ("[tank/VM]\nautosnap = no\n\(hooks)", [.datasetUnmanaged]),
            (
                "[tank/VM]\npre_snapshot_script = HOOKS/post-snapshot\npost_snapshot_script = HOOKS/pre-snapshot\n"
                    + "script_timeout = 120", [.hookUnusable, .hookUnusable]
            ),
            (
                "[tank/VM]\npre_snapshot_script = /usr/bin/nice HOOKS/none/pre-snapshot\n"
                    + "post_snapshot_script = HOOKS/post-snapshot\nscript_timeout = 120", [.hookUnusable]
            ),
            (
                "[tank/VM]\npre_snapshot_script = HOOKS/pre-snapshot\npost_snapshot_script = HOOKS/none\n"
                    + "script_timeout = 70", [.hookUnusable]
            ),
            (
                "[tank/VM]\npre_snapshot_script = HOOKS/pre-snapshot\npost_snapshot_script = HOOKS/post-snapshot\n"
                    + "script_timeout = 69", [.scriptTimeoutShort]
            ),
        ] as [(String, [FindingCode])])
    func faults(conf: String, expected: [FindingCode]) async throws {
        #expect(try await codes(conf) == expected)
    }

    @Test(
        "is nothing to a VM that is not frozen, whichever lines are there",
        arguments: ["strategy = crash-consistent", "strategy = ignore"], ["pre", "post", "pre = post", ""])
    func untouched(strategy: String, lines: String) async throws {
        let scripts = lines.split(separator: " = ").map { "\($0)_snapshot_script = HOOKS/\($0)-snapshot\n" }.joined()
        #expect(
            try await codes("[tank/VM]\n\(scripts)", sections: "[tank/VM]\n\(strategy)").allSatisfy {
                $0.severity == .note || $0 == .datasetWithoutVM
            })
    }

    @Test(
        "calls a hook with arguments that it takes, or not",
        arguments: [
            ("--type x", true), ("--deadline=30", true), ("-r", true), ("# mine", false), ("#mine", false),
            ("mine", false),
            ("--wrong", false), ("tank/VM", false), ("tank/VM@x", false), ("--help", false), ("--type", false),
            ("; # mine!", true),
        ])
    func arguments(words: String, isFine: Bool) async throws {
        try await withCheckedBench { bench async throws in
            let path = "\(bench.hooks)/pre-snapshot"
            try bench.sanoid(without: "pre_snapshot_script", adding: "pre_snapshot_script = \(path) \(words)")
            let found = try await bench.report().findings
            #expect(found.map(\.code) == (isFine ? [] : [.hookUnusable]), "\(found.map(\.line))")
            #expect(found.allSatisfy { $0.fix?.has("`pre_snapshot_script = \(path)`") == true })
            #expect(found.allSatisfy { $0.what.has("begins no comment") == words.hasPrefix("#") })
        }
    }

    /// On `tank/VM` and `tank/other`.
    private func apart(
        _ conf: String, _ test: (CheckReport.FoundItem) throws -> Void
    ) async throws {
        try await withCheckedBench { bench async throws in
            let host = bench.pool.host
            let disks = (host.disk("vda", "tank/VM/db.raw"), host.disk("vdb", "tank/other/db.raw"))
            bench.bench.has(host.machine("db", disks.0, disks.1))
            try bench.sanoid(conf.split(separator: "LINES").joined(separator: bench.lines))
            try test(try #require(try await bench.report().findings.first { $0.code == .disksApart }))
        }
    }

    @Test("of disks apart says what sanoid does, and how one section takes all, which has template and hooks")
    func disksApart() async throws {
        try await apart("[tank/VM]\nLINES[tank/other]\nLINES") { item in
            #expect(item.what.hasSuffix("are on tank/VM, tank/other, which sanoid snapshots one after another"))
            let fix = try #require(item.fix)
            #expect(fix.has("write a new section [tank], which snapshots all below it, in "))
            #expect(fix.has("`recursive = zfs`, `pre_snapshot_script = ") && fix.has("`script_timeout = 120`"))
            #expect(fix.hasSuffix(", and take out [tank/VM], [tank/other]"))
        }
        try await apart("[tank/VM]\nuse_template = vm\n[template_vm]\nLINES") { item in
            #expect(item.what.hasSuffix(", of which sanoid does not snapshot tank/other"))
            #expect(item.fix?.hasSuffix(": `recursive = zfs`, `use_template = vm`, and take out [tank/VM]") == true)
        }
        try await apart("[tank]\nrecursive = yes\nLINES") { item in
            #expect(item.fix?.has("or in the section [tank] that is in ") == true)
            #expect(item.fix?.hasSuffix("sanoid.conf: `recursive = zfs`") == true)
        }
    }

    @Test("is not told to have a line that it has, where the hook that it names is not there")
    func absentHook() async throws {
        try await withCheckedBench { bench async throws in
            for hook in ["pre", "post", "prune"] { unlink("\(bench.hooks)/\(hook)-snapshot") }
            let found = try await bench.report().findings.filter { $0.code == .hookUnusable }
            #expect(found.count == 3)
            for finding in found {
                let fix = try #require(finding.fix)
                #expect(fix.hasPrefix("install Stillpoint's hooks") && !fix.has("_script = "), "\(fix)")
            }
        }
    }

    @Test("needs time for what the VMs' strategies take", arguments: [(40, false), (50, true)])
    func time(seconds: Int, isEnough: Bool) async throws {
        let conf =
            "[tank/VM]\npre_snapshot_script = HOOKS/pre-snapshot\npost_snapshot_script = HOOKS/post-snapshot\n"
            + "pruning_script = HOOKS/prune-snapshot\nscript_timeout = \(seconds)"
        let general = "freeze_timeout = 20\nshutdown_timeout = 5"
        let found = try await codes(conf, general: general, sections: "[tank/VM]\nstrategy = memory, shutdown") {
            bench in
            // 8000 MiB at 200 MiB/s.
            bench.bench.has(bench.pool.machine(memory: 8000 << 20))
        }
        #expect(found.contains(.scriptTimeoutShort) != isEnough, "\(found)")
    }

    @Test("is judged with one finding for all datasets of a section, and a fix for its lines")
    func grouped() async throws {
        try await withCheckedBench { bench async throws in
            let host = bench.pool.host
            bench.bench.has(host.web(), host.machine("it's", host.disk("vda", "tank/VM/db/db.raw")))
            try bench.sanoid("[tank/VM]\nrecursive = yes\n")
            let found = try await bench.report().findings
            #expect(found.map(\.code) == [.hooksMissing, .hooksMissing])
            let fix = try #require(found.first?.fix)
            #expect(fix.has("in [tank/VM] of \(bench.scratch.path)/sanoid/sanoid.conf: "))
            for line in bench.lines.split(separator: "\n") where line.hasPrefix("pre") || line.hasPrefix("script") {
                #expect(fix.has("`\(line)`"), "\(line)")
            }
        }
    }

    @Test(
        "has its command lines split as a shell splits them",
        arguments: [
            ("/a/b c", ["/a/b", "c"]), ("'/a b/c' \"d e\"", ["/a b/c", "d e"]), ("/a/'b c'", ["/a/b c"]),
            ("/a | b", nil), ("$X/a", nil), ("'/a", nil), ("\"$a\"", nil), ("", []),
        ] as [(String, [String]?)])
    func words(text: String, words: [String]?) {
        #expect(HookCommand.words(text) == words)
    }

    @Test(
        "is run by a service whose time systemd writes in words",
        arguments: [
            ("1min 30s", 90), ("infinity", nil), ("2h", 7200), ("500ms", 0.5), ("1d 1us", 86400.000001), ("", nil),
            ("5 parsecs", nil),
        ] as [(String, Double?)])
    func spans(span: String, seconds: Double?) {
        #expect(SystemdUnits.seconds(span) == seconds)
    }

    @Test(
        "is run by a service that lets the hooks work, or not",
        arguments: [
            ("User=root\nProtectSystem=full", 0), ("User=sanoid", 1), ("DynamicUser=yes", 1),
            ("ProtectSystem=strict", 1), ("ProtectSystem=strict\nReadWritePaths=-/ /tmp", 0), ("PrivateDevices=yes", 1),
            ("TimeoutStartUSec=2min", 0), ("TimeoutStartUSec=1min 59s", 1),
        ])
    func service(lines: String, count: Int) async throws {
        try await withCheckedBench { bench async throws in
            try bench.systemd(PlantedFault.soundUnits.merging(["sanoid.service": lines]) { $1 })
            let found = try await bench.report().findings
            #expect(found.map(\.code) == Array(repeating: .managerServiceUnfit, count: count), "\(found)")
        }
    }
}
