import SnapshotManagers
import Testing
import ZFS

@Suite("A hook that a manager calls")
struct ManagerTests {
    static func read(
        _ phase: Phase, _ arguments: [String] = [], _ environment: [String: String] = [:]
    ) throws -> Invocation {
        try Invocation.read(phase: phase, arguments: arguments, environment: environment)
    }

    @Test("knows zfs-auto-snapshot by its two arguments")
    func zfsAutoSnapshot() throws {
        let found = try Self.read(.pre, ["tank/VM", "zfs-auto-snap_hourly-2024-01-01-0017"])
        #expect(found.manager == .zfsAutoSnapshot)
        #expect(found.snapshots.map(\.rawValue) == ["tank/VM@zfs-auto-snap_hourly-2024-01-01-0017"])
        #expect(found.targets.map(\.rawValue) == ["tank/VM"])
        #expect(found.recursion == .yes)
        #expect(found.deadline == nil && !found.isDryRun)
    }

    @Test("knows zfs-auto-snapshot also behind options of its own")
    func zfsAutoSnapshotWithOptions() throws {
        let found = try Self.read(.post, ["--config", "/etc/a.conf", "tank", "daily-2026-11-29-0117"])
        #expect(found.manager == .zfsAutoSnapshot)
        #expect(found.configurationPath == "/etc/a.conf")
    }

    @Test("knows zrepl by its variables", arguments: [(Phase.pre, "pre_snapshot"), (.post, "post_snapshot")])
    func zrepl(phase: Phase, type: String) throws {
        let found = try Self.read(
            phase, [],
            [
                "ZREPL_HOOKTYPE": type, "ZREPL_FS": "tank/VM", "ZREPL_SNAPNAME": "zrepl_20240101_000000_000",
                "ZREPL_TIMEOUT": "30",
            ])
        #expect(found.manager == .zrepl)
        #expect(found.snapshots.map(\.rawValue) == ["tank/VM@zrepl_20240101_000000_000"])
        #expect(found.recursion == .no)
        #expect(found.deadline == .seconds(30))
        #expect(!found.isDryRun)
    }

    @Test(
        "reads zrepl's time-out and dry run",
        arguments: [
            (["ZREPL_TIMEOUT": "0"], nil, false), (["ZREPL_TIMEOUT": "2.5"], .milliseconds(2500), false),
            (["ZREPL_DRYRUN": "true"], nil, true), (["ZREPL_DRYRUN": "false"], nil, false), ([:], nil, false),
        ] as [([String: String], Duration?, Bool)])
    func zreplOptions(variables: [String: String], deadline: Duration?, isDryRun: Bool) throws {
        let base = ["ZREPL_HOOKTYPE": "pre_snapshot", "ZREPL_FS": "tank", "ZREPL_SNAPNAME": "a"]
        let found = try Self.read(.pre, [], base.merging(variables) { $1 })
        #expect(found.deadline == deadline)
        #expect(found.isDryRun == isDryRun)
    }

    @Test("knows znapzend by its variables")
    func znapzend() throws {
        let found = try Self.read(
            .post, [], ["ZNAP_NAME": "tank/VM@2024-01-01-000000", "ZNAP_TIME": "1704067200"])
        #expect(found.manager == .znapzend)
        #expect(found.snapshots.map(\.rawValue) == ["tank/VM@2024-01-01-000000"])
        #expect(found.recursion == .yes)
    }

    @Test(
        "takes options beside the variables, and they beat them",
        arguments: [
            ["--config", "/etc/x.conf", "--deadline", "7", "--dry-run", "-r"],
            ["--config=/etc/x.conf", "--deadline=7", "--recursive", "--dry-run"],
        ])
    func options(arguments: [String]) throws {
        let zrepl = [
            "ZREPL_HOOKTYPE": "pre_snapshot", "ZREPL_FS": "tank", "ZREPL_SNAPNAME": "a", "ZREPL_TIMEOUT": "30",
        ]
        for variables in [zrepl, ["SANOID_TARGET": "tank", "SANOID_SNAPNAME": "a"]] {
            let found = try Self.read(.pre, arguments, variables)
            #expect(found.configurationPath == "/etc/x.conf")
            #expect(found.deadline == .seconds(7))
            #expect(found.isDryRun)
            #expect(found.recursion == .yes)
        }
    }

    @Test("takes arguments before the environment")
    func argumentsFirst() throws {
        let sanoid = ["SANOID_TARGET": "tank", "SANOID_SNAPNAME": "a", "SANOID_SCRIPT": "post"]
        let found = try Self.read(.pre, ["rpool@x"], sanoid)
        #expect(found.manager == .byHand)
        #expect(found.snapshots.map(\.rawValue) == ["rpool@x"])
    }
}
