import SnapshotManagers
import Testing
import ZFS

/// What each manager really gives its hooks: which variables are set, which are set and empty, which are absent.
@Suite("The real calls of managers")
struct RealCallTests {
    struct Call: Sendable, CustomTestStringConvertible {
        let manager: SnapshotManager
        let phase: Phase
        var arguments: [String] = []
        var environment: [String: String] = [:]
        let snapshots: [String]
        var targets = ["tank/VM"]
        var recursion = Invocation.Recursion.no
        var deadline: Duration?
        var isDryRun = false
        let source: String
        var testDescription: String { source }
    }

    private static let sanoidPre = [
        "SANOID_TARGET": "tank/VM", "SANOID_TARGETS": "tank/VM",
        "SANOID_SNAPNAME": "autosnap_2026-11-29_01:00:00_daily",
        "SANOID_SNAPNAMES": "autosnap_2026-11-29_01:00:00_daily,autosnap_2026-11-29_01:00:00_hourly",
        "SANOID_TYPES": "daily,hourly", "SANOID_SCRIPT": "pre",
    ]
    private static let sanoidNames = ["daily", "hourly"].map { "tank/VM@autosnap_2026-11-29_01:00:00_\($0)" }
    private static let sanoidPost = sanoidPre.merging([
        "SANOID_SCRIPT": "post", "SANOID_SNAPNAME": sanoidNames[0], "SANOID_PRE_FAILURE": "0",
    ]) { $1 }
    private static let pruned = "autosnap_2026-11-28_01:00:00_hourly"
    private static let zrepl = [
        "ZREPL_HOOKTYPE": "pre_snapshot", "ZREPL_FS": "tank/VM", "ZREPL_SNAPNAME": "zrepl_20261129_010000_000",
        "ZREPL_TIMEOUT": "30", "ZREPL_DRYRUN": "",
    ]
    private static let zreplName = ["tank/VM@zrepl_20261129_010000_000"]

    static let calls = [
        // sanoid's `take_snapshots` and `prune_snapshots`.
        Call(
            manager: .sanoid, phase: .pre, environment: sanoidPre, snapshots: sanoidNames, recursion: .auto,
            source: "sanoid 2.1-2.3, pre_snapshot_script"),
        Call(
            manager: .sanoid, phase: .post, environment: sanoidPost, snapshots: sanoidNames, recursion: .auto,
            source: "sanoid 2.1-2.3, post_snapshot_script"),
        Call(
            manager: .sanoid, phase: .post, environment: sanoidPost.merging(["SANOID_PRE_FAILURE": "1"]) { $1 },
            snapshots: sanoidNames, recursion: .auto,
            source: "sanoid 2.1-2.3, post_snapshot_script by force_post_snapshot_script"),
        Call(
            manager: .sanoid, phase: .prune,
            environment: ["SANOID_TARGET": "tank/VM", "SANOID_SNAPNAME": pruned, "SANOID_SCRIPT": "prune"],
            snapshots: ["tank/VM@\(pruned)"], recursion: .auto, source: "sanoid 2.1-2.3, pruning_script"),
        Call(
            manager: .sanoid, phase: .prune, environment: ["SANOID_TARGET": "tank/VM", "SANOID_SNAPNAME": pruned],
            snapshots: ["tank/VM@\(pruned)"], recursion: .auto,
            source: "sanoid 2.2 and 2.3, pre_pruning_script; sanoid 2.0.3, pruning_script"),
        Call(
            manager: .sanoid, phase: .pre,
            environment: ["SANOID_TARGET": "tank/VM", "SANOID_SNAPNAME": "autosnap_2026-11-29_01:00:00_daily"],
            snapshots: [sanoidNames[0]], recursion: .auto, source: "sanoid 2.0.3, pre_snapshot_script"),
        Call(
            manager: .sanoid, phase: .post,
            environment: ["SANOID_TARGET": "tank/VM", "SANOID_SNAPNAME": "autosnap_2026-11-29_01:00:00_daily"],
            snapshots: [sanoidNames[0]], recursion: .auto, source: "sanoid 2.0.3, post_snapshot_script"),
        // zrepl's `NewHookEnv` and its test/test-report-env.sh: the dry run is always told, as nothing when it is none.
        Call(
            manager: .zrepl, phase: .pre, environment: zrepl, snapshots: zreplName, deadline: .seconds(30),
            source: "zrepl 0.3-0.7, pre edge"),
        Call(
            manager: .zrepl, phase: .post, environment: zrepl.merging(["ZREPL_HOOKTYPE": "post_snapshot"]) { $1 },
            snapshots: zreplName, deadline: .seconds(30), source: "zrepl 0.3-0.7, post edge"),
        Call(
            manager: .zrepl, phase: .pre, environment: zrepl.merging(["ZREPL_DRYRUN": "true"]) { $1 },
            snapshots: zreplName, deadline: .seconds(30), isDryRun: true, source: "zrepl 0.3-0.7, dry run"),
        Call(
            manager: .zrepl, phase: .post,
            environment: zrepl.merging(["ZREPL_HOOKTYPE": "post_snapshot", "ZREPL_DRYRUN": "true"]) { $1 },
            snapshots: zreplName, deadline: .seconds(30), isDryRun: true, source: "zrepl 0.3-0.7, dry run, post edge"),
        Call(
            manager: .zrepl, phase: .pre, environment: zrepl.merging(["ZREPL_TIMEOUT": "0"]) { $1 },
            snapshots: zreplName, source: "zrepl 0.3-0.7, a time-out below a second"),
        // zfs-auto-snapshot's `do_snapshots`: `eval $opt_pre_snapshot $ii $NAME`, no variables.
        Call(
            manager: .zfsAutoSnapshot, phase: .pre, arguments: ["tank/VM", "zfs-auto-snap_hourly-2026-11-29-0117"],
            snapshots: ["tank/VM@zfs-auto-snap_hourly-2026-11-29-0117"], recursion: .yes,
            source: "zfs-auto-snapshot 1.2, --pre-snapshot"),
        Call(
            manager: .zfsAutoSnapshot, phase: .post, arguments: ["tank/VM", "zfs-auto-snap_hourly-2026-11-29-0117"],
            snapshots: ["tank/VM@zfs-auto-snap_hourly-2026-11-29-0117"], recursion: .yes,
            source: "zfs-auto-snapshot 1.2, --post-snapshot"),
        // znapzend's `$createSnapshot`, for both commands alike.
        Call(
            manager: .znapzend, phase: .pre,
            environment: ["ZNAP_NAME": "tank/VM@2026-11-29-010000", "ZNAP_TIME": "1795914000"],
            snapshots: ["tank/VM@2026-11-29-010000"], recursion: .yes, source: "znapzend, pre_znap_cmd"),
        Call(
            manager: .znapzend, phase: .post,
            environment: ["ZNAP_NAME": "tank/VM@2026-11-29-010000", "ZNAP_TIME": "1795914000"],
            snapshots: ["tank/VM@2026-11-29-010000"], recursion: .yes, source: "znapzend, post_znap_cmd"),
        // zfs-autobackup's `--pre-snapshot-cmd`: what the command says, and no variables.
        Call(
            manager: .byHand, phase: .pre, arguments: ["tank/VM"], snapshots: [],
            source: "zfs-autobackup 3.2 and 3.3, --pre-snapshot-cmd"),
        Call(
            manager: .byHand, phase: .pre, arguments: ["tank/VM", "backup"], snapshots: [],
            targets: ["tank/VM", "backup"],
            source: "zfs-autobackup 3.2 and 3.3, --pre-snapshot-cmd, with a pool for its second dataset"),
        Call(
            manager: .byHand, phase: .post, arguments: ["-r", "tank/VM", "tank/db"], snapshots: [],
            targets: ["tank/VM", "tank/db"], recursion: .yes, source: "zfs-autobackup 3.2 and 3.3, --post-snapshot-cmd"),
    ]

    /// A daemon's or a cron job's own variables come along.
    private static let surroundings = ["PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "", "TZ": "UTC"]

    @Test("are understood", arguments: calls)
    func understood(_ call: Call) throws {
        let found = try Invocation.read(
            phase: call.phase, arguments: call.arguments,
            environment: call.environment.merging(Self.surroundings) { $1 })
        #expect(found.manager == call.manager)
        #expect(found.snapshots.map(\.rawValue).filter { !$0.contains("dst_") } == call.snapshots)
        #expect(found.targets.map(\.rawValue) == call.targets)
        #expect(found.recursion == call.recursion)
        #expect(found.deadline == call.deadline)
        #expect(found.isDryRun == call.isDryRun)
    }

    /// What `NewHookEnv` and `plan.execute` of zrepl set, and `$createSnapshot` of znapzend; nothing else of theirs is there.
    @Test(
        "have every variable that their sources set, and no other",
        arguments: [
            (SnapshotManager.zrepl, ["DRYRUN", "FS", "HOOKTYPE", "SNAPNAME", "TIMEOUT"].map { "ZREPL_" + $0 }),
            (.znapzend, ["ZNAP_NAME", "ZNAP_TIME"]),
        ])
    func complete(manager: SnapshotManager, variables: [String]) {
        let calls = Self.calls.filter { $0.manager == manager }
        #expect(calls.count > 1 && calls.allSatisfy { $0.environment.keys.sorted() == variables })
    }

    @Test("of zrepl are refused where one of its variables is missing", arguments: ["ZREPL_FS", "ZREPL_SNAPNAME"])
    func incomplete(name: String) {
        var environment = Self.zrepl
        environment[name] = nil
        #expect(throws: InvocationError.self) {
            try Invocation.read(phase: .pre, arguments: [], environment: environment)
        }
    }

    @Test(
        "may have a switch that is set and empty",
        arguments: [
            ("SANOID_PRE_FAILURE", ""), ("SANOID_PRE_FAILURE", "0"), ("SANOID_PRE_FAILURE", "1"),
            ("SANOID_PRE_FAILURE", nil),
        ] as [(String, String?)])
    func emptySwitch(name: String, value: String?) throws {
        var environment = Self.sanoidPost
        environment[name] = value
        #expect(try Invocation.read(phase: .post, arguments: [], environment: environment).manager == .sanoid)
    }
}
