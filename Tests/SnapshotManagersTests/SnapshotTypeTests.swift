import SnapshotManagers
import Testing
import ZFS

@Suite("The types of snapshots")
struct SnapshotTypeTests {
    private static func read(
        _ phase: Phase = .pre, _ arguments: [String] = [], _ environment: [String: String] = [:]
    ) throws -> [String] {
        try Invocation.read(phase: phase, arguments: arguments, environment: environment).types
    }

    @Test(
        "are told by a snapshot's name",
        arguments: [
            ("autosnap_2026-11-21_11:00:00_hourly", "hourly"),
            ("autosnap_2026-11-21_11:00:00_frequently", "frequently"),
            ("autosnap_2026-10-25_02:00:00dst_daily", "daily"), ("autosnap_2026-11-21_11:00:00_", nil),
            ("autosnap_2026-11-21_hourly", nil), ("autosnap_hourly", nil), ("autosnap_", nil), ("autosnap", nil),
            ("autosnap_2026-11-21_11:00:00_a b", nil), ("Autosnap_2026-11-21_11:00:00_hourly", nil),
            ("zfs-auto-snap_daily-2026-11-21-1100", "daily"), ("zfs-auto-snap_frequent-2026-11-21-1100", "frequent"),
            ("zfs-auto-snap_my_label-2026-11-21-1100", "my_label"), ("zfs-auto-snap-daily-2026-11-21-1100", "daily"),
            ("zfs-auto-snap.daily-2026-11-21-1100", "daily"), ("zfs-auto-snap-nas_daily-2026-11-21-1100", "daily"),
            ("zfs-auto-snap-2026-11-21-1100", nil), ("zfs-auto-snap_-2026-11-21-1100", nil),
            ("zfs-auto-snap_daily-2026-11-21-11h00", nil), ("zfs-auto-snap_daily", nil),
            ("nas_daily-2026-11-21-1100", nil), ("zrepl_20261121_110000_000", nil), ("2026-11-21-110000", nil),
            ("backup-20261121110000", nil), ("daily", nil), ("-2026-11-21-1100", nil), ("", nil),
        ] as [(String, String?)])
    func names(name: String, expected: String?) {
        #expect(SnapshotType.told(by: name) == expected)
    }

    @Test(
        "are told by a name with another prefix where zfs-auto-snapshot made it",
        arguments: [
            ("nas_daily-2026-11-21-1100", "daily"), ("_daily-2026-11-21-1100", "daily"),
            ("nas_vm_daily-2026-11-21-1100", "daily"), ("nas-2026-11-21-1100", nil),
            ("nas-daily-2026-11-21-1100", nil), ("nas_-2026-11-21-1100", nil),
        ] as [(String, String?)])
    func otherPrefix(name: String, expected: String?) throws {
        #expect(SnapshotType.told(by: name, isOfAutoSnapshot: true) == expected)
        #expect(try Self.read(.pre, ["tank/VM", name]) == [expected].compactMap { $0 })
    }

    private static let daily = "autosnap_2026-11-21_11:00:00_daily"
    private static let hourly = "autosnap_2026-11-21_11:00:00_hourly"

    @Test(
        "come from SANOID_TYPES, else from the names, and --type beats both",
        arguments: [
            ([:], []), (["SANOID_TYPES": "daily,hourly"], ["daily", "hourly"]),
            (["SANOID_TYPES": "weekly,weekly"], ["weekly"]), (["SANOID_SNAPNAME": daily], ["daily"]),
            (["SANOID_SNAPNAME": daily, "SANOID_SNAPNAMES": "\(daily),\(hourly)"], ["daily", "hourly"]),
            (["SANOID_SNAPNAME": daily, "SANOID_TYPES": "monthly"], ["monthly"]),
            (["SANOID_SNAPNAME": daily, "SANOID_SNAPNAMES": "\(daily),other"], ["daily", ""]),
        ] as [([String: String], [String])])
    func sanoid(variables: [String: String], expected: [String]) throws {
        let usual = ["SANOID_TARGET": "tank/VM", "SANOID_SNAPNAME": "x"].merging(variables) { $1 }
        #expect(try Self.read(.pre, [], usual) == expected)
        #expect(try Self.read(.pre, ["--type", "own"], usual) == ["own"])
        #expect(try Self.read(.pre, ["--type=a, b", "--type", "b,c"], usual) == ["a", "b", "c"])
    }

    @Test("are told to every manager's hook by --type, and by names alone to none but sanoid's and zfs-auto-snapshot's")
    func others() throws {
        let zrepl = [
            "ZREPL_HOOKTYPE": "pre_snapshot", "ZREPL_FS": "tank", "ZREPL_SNAPNAME": "zrepl_20261121_110000_000",
        ]
        for (arguments, variables) in [
            ([], zrepl), ([], ["ZNAP_NAME": "tank@2026-11-21-110000"]), (["tank/VM@x"], [:]),
        ] {
            #expect(try Self.read(.pre, arguments, variables) == [])
            #expect(try Self.read(.pre, ["--type", "daily"] + arguments, variables) == ["daily"])
        }
        #expect(try Self.read(.pre, ["tank/VM@\(Self.daily)", "tank/a@\(Self.daily)"]) == ["daily"])
        #expect(try Self.read(.pre, ["tank/VM@\(Self.daily)", "tank/a@before-upgrade"]) == ["daily", ""])
        #expect(try Self.read(.pre, ["tank/a", "tank/b"]) == [])
    }

    @Test(
        "that can be none are refused by pre-snapshot, and do not keep post-snapshot from its release",
        arguments: [
            "", ",", "daily,", ",daily", "a,,b", String(repeating: ",", count: 5000), "a\nb", "a b", "daily\n",
            "\u{1B}[31m",
            "ä", "a/b", "a@b", String(repeating: "a,", count: 3000) + "a", String(repeating: "x", count: 300),
        ])
    func hostile(types: String) throws {
        let variables = ["SANOID_TARGET": "tank/VM", "SANOID_SNAPNAME": "x", "SANOID_TYPES": types]
        let error = try #require(#expect(throws: InvocationError.self) { try Self.read(.pre, [], variables) })
        #expect(error.code == .badValue && error.message.contains("SANOID_TYPES"), "\(error)")
        #expect(error.message.utf8.count < 600 && !error.message.contains("\n") && !error.message.contains("\u{1B}"))
        #expect(throws: InvocationError.self) { try Self.read(.pre, ["--type", types, "tank@x"]) }
        #expect(throws: Never.self) { try Self.read(.post, [], variables) }
        #expect(throws: Never.self) { try Self.read(.prune, [], variables) }
    }

    @Test("may be many")
    func many() throws {
        let types = (0..<800).map { "t\($0)" }
        let variables = [
            "SANOID_TARGET": "tank/VM", "SANOID_SNAPNAME": "x", "SANOID_TYPES": types.joined(separator: ","),
        ]
        #expect(try Self.read(.pre, [], variables) == types)
    }
}
