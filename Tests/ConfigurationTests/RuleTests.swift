import HostFixtures
import Hypervisor
import Testing
import ZFS

@testable import Configuration

@Suite("What holds for a VM")
struct RuleTests {
    static func machine(
        _ name: String, title: String? = nil, id: String = "c0ffee00-0000-4000-8000-000000000001", uuids: [String] = []
    ) -> VirtualMachine {
        VirtualMachine(id: id, name: name, title: title, uuids: uuids, power: .running, disks: [])
    }

    private static func policy(
        _ text: String, _ machine: VirtualMachine, on dataset: String = "tank/VM", types: [String] = []
    ) throws -> Policy {
        try withHost { host in
            try host.configuration(text).policy(of: machine, on: try DatasetName(dataset), types: types)
        }
    }

    /// Each kind of section, from the widest to the narrowest; the number is the line of its `strategy`.
    private static let sections = [
        "[stillpoint]\nstrategy = crash-consistent", "[template_t]\nstrategy = pause", "[tank]\nuse_template = t",
        "[tank/VM]\nstrategy = freeze", "[type daily]\nstrategy = quiesce", "[vm web*]\nstrategy = memory",
    ]

    @Test(
        "is what the narrowest section says that says something",
        arguments: [
            ([0, 1, 2, 3, 4, 5], "web", ["daily"], .memory), ([0, 1, 2, 3, 4, 5], "db", ["daily"], .quiesce),
            ([5, 4, 3, 2, 1, 0], "web", ["daily"], .memory), ([5, 4, 3, 2, 1, 0], "db", ["daily"], .quiesce),
            ([0, 1, 2, 3, 4, 5], "db", ["hourly"], .freeze), ([0, 1, 2, 3, 4, 5], "db", [], .freeze),
            ([0, 1, 2, 4, 5], "db", [], .pause), ([0, 4, 5], "db", [], .crashConsistent), ([4, 5], "db", [], .quiesce),
            ([0, 1, 2, 3, 4], "web", ["daily"], .quiesce), ([0, 1, 2, 3], "web", ["daily"], .freeze),
            ([0, 1, 2], "web", ["daily"], .pause), ([0], "web", ["daily"], .crashConsistent),
            ([], "web", ["daily"], .quiesce),
            ([3], "web", ["daily"], .freeze), ([4], "web", [], .quiesce), ([5], "web", [], .memory),
        ] as [([Int], String, [String], Strategy)])
    func precedence(order: [Int], name: String, types: [String], expected: Strategy) throws {
        let text = order.map { Self.sections[$0] }.joined(separator: "\n")
        #expect(try Self.policy(text, Self.machine(name), types: types).strategies?.first == expected)
    }

    @Test("is found key by key: a section that lacks one leaves it to the next wider one")
    func keyByKey() throws {
        let text = """
            [stillpoint]
            on_failure = abort
            [template_calm]
            strategy = pause
            on_failure = continue
            [tank]
            strategy = freeze
            [tank/VM]
            use_template = calm
            [type daily]
            strategy = quiesce
            [vm web]
            on_failure = abort
            [vm db]
            strategy = memory
            """
        let found = try Self.policy(text, Self.machine("web"), types: ["daily"])
        #expect(found == Policy(strategies: [.quiesce], onFailure: .abort))
        #expect(found.strategyLine?.section == "type daily" && found.strategyLine?.line == 11)
        #expect(found.onFailureLine?.section == "vm web" && found.onFailureLine?.line == 13)
        let plain = try Self.policy(text, Self.machine("other"))
        #expect(plain == Policy(strategies: [.pause], onFailure: .continue))
        #expect(
            plain.strategyLine.map { "\($0)" }?.hasSuffix(
                "/stillpoint.conf:4 [template_calm], by use_template in line 9 [tank/VM]") == true)
        #expect(plain.onFailureLine?.line == 5 && plain.onFailureLine?.usedBy?.line == 9)
        let elsewhere = try Self.policy(text, Self.machine("db"), on: "tank/other")
        #expect(elsewhere == Policy(strategies: [.memory], onFailure: .abort))
        #expect(elsewhere.onFailureLine?.section == "stillpoint" && elsewhere.onFailureLine?.line == 2)
        let nothing = try Self.policy("[stillpoint]\n", Self.machine("db"))
        #expect(nothing.strategyLine == nil && nothing.onFailureLine == nil)
    }

    @Test("names of two templates the line of the one that counts, and of a section's own key that key's")
    func templates() throws {
        let text = """
            [template_a]
            strategy = pause
            on_failure = abort
            [template_b]
            strategy = freeze
            [vm web]
            use_template = a, b
            [vm db]
            strategy = memory
            use_template = a
            """
        let web = try Self.policy(text, Self.machine("web"))
        #expect(web.strategies == [.freeze] && web.strategyLine?.line == 5 && web.strategyLine?.usedBy?.line == 7)
        #expect(web.onFailureLine?.line == 3 && web.onFailureLine?.usedBy?.section == "vm web")
        let db = try Self.policy(text, Self.machine("db"))
        #expect(db.strategies == [.memory] && db.strategyLine?.line == 9 && db.strategyLine?.usedBy == nil)
        #expect(db.onFailure == .abort && db.onFailureLine?.usedBy?.line == 10)
    }

    private static let types = """
        [stillpoint]
        strategy = shutdown
        [type memory]
        strategy = memory
        [type quiesce]
        strategy = quiesce, crash-consistent
        on_failure = continue
        [type strict]
        strategy = quiesce, freeze
        on_failure = abort
        [type exec]
        strategy = exec:/bin/true
        [type pause]
        strategy = pause
        [type crash]
        strategy = crash-consistent
        [type ignore]
        strategy = ignore
        [type silent]
        """

    @Test(
        "is of several types what promises most, key by key",
        arguments: [
            (["quiesce", "memory"], .memory, .continue), (["memory", "quiesce"], .memory, .continue),
            (["crash", "quiesce", "ignore"], .quiesce, .continue), (["ignore", "crash"], .crashConsistent, .continue),
            (["ignore"], .ignore, .continue), (["ignore", "other"], .shutdown, .continue),
            (["ignore", ""], .shutdown, .continue), (["ignore", "silent"], .shutdown, .continue),
            (["pause", "exec"], .exec(path: "/bin/true"), .continue), (["pause", "crash"], .pause, .continue),
            (["exec", "other"], .shutdown, .continue), (["strict", "memory"], .memory, .abort),
            (["memory", "strict"], .memory, .abort), (["other", "another"], .shutdown, .continue),
            ([], .shutdown, .continue),
        ] as [([String], Strategy, Policy.OnFailure)])
    func severalTypes(types: [String], strategy: Strategy, onFailure: Policy.OnFailure) throws {
        let found = try Self.policy(Self.types, Self.machine("web"), types: types)
        #expect(found.strategies?.first == strategy && found.onFailure == onFailure)
    }

    @Test("is of two types that begin alike what falls back to more")
    func fallbacks() throws {
        for types in [["quiesce", "strict"], ["strict", "quiesce"]] {
            let found = try Self.policy(Self.types, Self.machine("web"), types: types)
            #expect(found.strategies == [.quiesce, .freeze] && found.strategyLine?.section == "type strict")
        }
    }

    @Test(
        "is of the first section that matches its name, its title or a UUID",
        arguments: [
            ("[vm web*]", true), ("[vm Shop*]", true), ("[vm shop*]", false), ("[vm *]", true), ("[vm db]", false),
            ("[vm uuid:c0ffee00-0000-4000-8000-000000000001]", true),
            ("[vm uuid:C0FFEE00-0000-4000-8000-000000000001]", true),
            ("[vm uuid:c0ffee00000040008000000000000001]", true),
            ("[vm uuid: c0ffee00000040008000000000000001]", true),
            ("[vm uuid:c0ffee00-0000-4000-8000-000000000002]", false),
            ("[vm uuid:52D63eee-0000-4000-8000-000000000009]", true), ("[vm\tweb*]", true), ("[  vm   web*  ]", true),
            ("[vm Shop (b?ro)]", true), ("[vm Shop ([b]ü*]", true), ("[vm *[ü]ro)]", true), ("[vm *[üu]r?)]", true),
        ])
    func patterns(header: String, isMeant: Bool) throws {
        let machine = Self.machine("web01", title: "Shop (büro)", uuids: ["x", "52d63eee-0000-4000-8000-000000000009"])
        let found = try Self.policy("\(header)\nstrategy = memory\n[vm ?*]\nstrategy = pause", machine)
        #expect(found.strategies == (isMeant ? [.memory] : [.pause]))
    }

    @Test(
        "can be said of any name, however odd",
        arguments: [
            ("a*", "a\\*"), ("a*", "a[*]"), ("a?b", "a\\?b"), ("a[1]", "a\\[1]"), ("a[1]", "a[[]1]"),
            ("a\\b", "a\\\\b"),
            (" a", "[ ]a"), ("a ", "a[ ]"), ("a ;b", "a [;]b"), ("a #b", "a [#]b"), ("uuid:x", "[u]uid:x"),
            ("]", "]"), ("a]", "a]"),
        ])
    func oddNames(name: String, pattern: String) throws {
        let text = "[vm \(pattern)]\nstrategy = memory"
        #expect(try Self.policy(text, Self.machine(name)).strategies == [.memory])
        #expect(try Self.policy(text, Self.machine("other")).strategies != [.memory])
    }

    @Test("is found at once, however long a title and however many stars a pattern has", .timeLimit(.minutes(1)))
    func stars() {
        let pattern = VMPattern.name(String(repeating: "*a", count: 40) + "b")
        #expect(!pattern.includes(Self.machine("x", title: String(repeating: "a", count: 5000))))
    }

    @Test(
        "is nothing, known before anybody is asked",
        arguments: [
            ("[type frequently]\nstrategy = ignore", ["frequently"], true, true),
            ("[type frequently]\nstrategy = ignore", ["frequently", "hourly"], false, false),
            ("[type frequently]\nstrategy = ignore", ["hourly"], false, false),
            ("[type frequently]\nstrategy = ignore", [], false, false),
            ("[type frequently]\nstrategy = ignore", ["frequently", ""], false, false),
            ("[template_no]\nstrategy = ignore\n[type frequently]\nuse_template = no", ["frequently"], true, true),
            ("[type frequently]\nstrategy = ignore\n[vm db]\nstrategy = memory", ["frequently"], false, false),
            ("[type frequently]\nstrategy = ignore\n[vm db]\non_failure = abort", ["frequently"], true, true),
            ("[type frequently]\nstrategy = ignore\n[vm db]\nstrategy = ignore", ["frequently"], true, true),
            ("[tank/VM]\nstrategy = ignore\n[type daily]\nstrategy = quiesce", ["daily"], false, false),
            ("[tank/VM]\nstrategy = ignore\n[type daily]\nstrategy = quiesce", ["hourly"], true, false),
            ("[tank/VM]\nstrategy = ignore\n[type daily]\nstrategy = quiesce", ["hourly", "daily"], false, false),
            ("[tank/VM]\nstrategy = ignore\n[type daily]\non_failure = abort", ["daily"], true, false),
            ("[stillpoint]\nstrategy = ignore", [], true, false), ("[hypervisor a]\nenabled = no", [], true, true),
            ("[hypervisor a]\nenabled = no\n[hypervisor b]", [], false, false),
        ] as [(String, [String], Bool, Bool)])
    func ignores(text: String, types: [String], onDataset: Bool, everywhere: Bool) throws {
        try withHost { host in
            let configuration = try host.configuration(text)
            #expect(configuration.ignores([try DatasetName("tank/VM")], types: types) == onDataset)
            #expect(configuration.ignoresAll(types: types) == everywhere)
        }
    }

    @Test("may come from any kind of section, and all strategies that are named somewhere are known")
    func allStrategies() throws {
        try withHost { host in
            let text = Self.sections.joined(separator: "\n")
            let named = try host.configuration(text).strategies
            #expect(named == [.crashConsistent, .pause, .freeze, .quiesce, .memory])
        }
    }
}
