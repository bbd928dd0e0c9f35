import SnapshotManagers
import Testing
import ZFS

@Suite("A hook that sanoid calls")
struct SanoidInvocationTests {
    static let daily = "autosnap_2024-10-27_02:00:00_daily"
    static let hourly = "autosnap_2024-10-27_02:00:00_hourly"
    static let dstDaily = "autosnap_2024-10-27_02:00:00dst_daily"
    static let dstHourly = "autosnap_2024-10-27_02:00:00dst_hourly"

    @Test(
        "knows every snapshot of the call",
        arguments: [
            // sanoid 2.0.3
            (Phase.pre, ["SANOID_TARGET": "tank/VM", "SANOID_SNAPNAME": daily], [daily]),
            (.post, ["SANOID_TARGET": "tank/VM", "SANOID_SNAPNAME": daily], [daily]),
            // sanoid 2.1
            (
                .pre,
                [
                    "SANOID_TARGET": "tank/VM", "SANOID_TARGETS": "tank/VM", "SANOID_SNAPNAME": daily,
                    "SANOID_SNAPNAMES": "\(daily),\(hourly)", "SANOID_TYPES": "daily,hourly", "SANOID_SCRIPT": "pre",
                ], [daily, hourly]
            ),
            (
                .post,
                [
                    "SANOID_TARGET": "tank/VM", "SANOID_TARGETS": "tank/VM", "SANOID_SNAPNAME": "tank/VM@\(daily)",
                    "SANOID_SNAPNAMES": "\(daily),\(hourly)", "SANOID_SCRIPT": "post", "SANOID_PRE_FAILURE": "0",
                ], [daily, hourly]
            ),
            // a snapshot that was renamed at the end of daylight saving time
            (
                .post,
                [
                    "SANOID_TARGET": "tank/VM", "SANOID_SNAPNAME": "tank/VM@\(dstDaily)",
                    "SANOID_SNAPNAMES": "\(daily),\(hourly)", "SANOID_SCRIPT": "post",
                ], [daily, dstDaily, hourly, dstHourly]
            ),
            // the list alone, and a name that the list does not have
            (.pre, ["SANOID_TARGET": "tank/VM", "SANOID_SNAPNAMES": "\(daily),\(daily)"], [daily]),
            (.pre, ["SANOID_TARGET": "tank/VM", "SANOID_SNAPNAME": "x", "SANOID_SNAPNAMES": daily], [daily, "x"]),
            // pruning
            (.prune, ["SANOID_TARGET": "tank/VM", "SANOID_SNAPNAME": daily, "SANOID_SCRIPT": "prune"], [daily]),
            (.prune, ["SANOID_TARGET": "tank/VM", "SANOID_SNAPNAME": "tank/VM@\(daily)"], [daily]),
        ] as [(Phase, [String: String], [String])])
    func names(phase: Phase, environment: [String: String], expected: [String]) throws {
        let found = try Invocation.read(phase: phase, arguments: [], environment: environment)
        #expect(found.manager == .sanoid)
        #expect(found.phase == phase)
        #expect(found.targets.map(\.rawValue) == ["tank/VM"])
        #expect(found.snapshotNames == expected)
        #expect(found.snapshots.map(\.rawValue) == expected.map { "tank/VM@\($0)" })
        #expect(found.recursion == .auto)
    }

    @Test("knows every dataset of the call")
    func targets() throws {
        let found = try Invocation.read(
            phase: .pre, arguments: [],
            environment: [
                "SANOID_TARGET": "tank/a", "SANOID_TARGETS": "tank/a,tank/b", "SANOID_SNAPNAME": "x",
                "SANOID_SNAPNAMES": "x,y",
            ])
        #expect(found.targets.map(\.rawValue) == ["tank/a", "tank/b"])
        #expect(found.snapshots.map(\.rawValue) == ["tank/a@x", "tank/a@y", "tank/b@x", "tank/b@y"])
    }

    @Test(
        "refuses to run in another's place, and says what to write in sanoid.conf",
        arguments: [
            (Phase.post, "pre", "pre_snapshot_script = pre-snapshot"),
            (.pre, "post", "post_snapshot_script = post-snapshot"),
            (.pre, "prune", "pruning_script = prune-snapshot"), (.prune, "pre", "pre_snapshot_script = pre-snapshot"),
        ])
    func wrongProgram(phase: Phase, script: String, fix: String) {
        let error = #expect(throws: InvocationError.self) {
            try Invocation.read(
                phase: phase, arguments: [],
                environment: ["SANOID_TARGET": "tank", "SANOID_SNAPNAME": "x", "SANOID_SCRIPT": script])
        }
        #expect(error?.code == .badValue)
        #expect(error?.message.contains(fix) == true)
        #expect(error?.message.contains("SANOID_SCRIPT") == true)
    }
}
