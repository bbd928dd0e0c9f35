import SnapshotManagers
import Testing

@Suite("A variable that makes no sense")
struct BadVariableTests {
    static let sanoid = ["SANOID_TARGET": "tank", "SANOID_SNAPNAME": "x"]
    static let zrepl = ["ZREPL_HOOKTYPE": "pre_snapshot", "ZREPL_FS": "tank", "ZREPL_SNAPNAME": "x"]

    @Test(
        "is refused by its name",
        arguments: [
            (sanoid, "SANOID_TARGET", ""), (sanoid, "SANOID_TARGET", "tank//x"), (sanoid, "SANOID_TARGET", "tank@x"),
            (sanoid, "SANOID_TARGET", String(repeating: "x", count: 300)), (sanoid, "SANOID_TARGET", "a\u{1B}[2J"),
            (sanoid, "SANOID_TARGETS", "tank,"), (sanoid, "SANOID_TARGETS", ",tank"), (sanoid, "SANOID_TARGETS", ""),
            (sanoid, "SANOID_TARGETS", String(repeating: "tank,", count: 900) + "tank"),
            (sanoid, "SANOID_TARGETS", "tank,/x"), (sanoid, "SANOID_SNAPNAME", ""), (sanoid, "SANOID_SNAPNAME", "a/b"),
            (sanoid, "SANOID_SNAPNAME", "rpool@x"), (sanoid, "SANOID_SNAPNAME", "tank@a@b"),
            (sanoid, "SANOID_SNAPNAME", String(repeating: "x", count: 251)), (sanoid, "SANOID_SNAPNAME", nil),
            (sanoid, "SANOID_SNAPNAMES", "a,,b"), (sanoid, "SANOID_SNAPNAMES", "tank@a"),
            (sanoid, "SANOID_SNAPNAMES", ""), (sanoid, "SANOID_SCRIPT", "before"), (sanoid, "SANOID_SCRIPT", ""),
            (sanoid, "SANOID_PRE_FAILURE", "maybe"), (zrepl, "ZREPL_HOOKTYPE", "post_snapshot"),
            (zrepl, "ZREPL_HOOKTYPE", "x"), (zrepl, "ZREPL_HOOKTYPE", ""), (zrepl, "ZREPL_FS", "tank/"),
            (zrepl, "ZREPL_FS", nil), (zrepl, "ZREPL_SNAPNAME", "a@b"), (zrepl, "ZREPL_SNAPNAME", nil),
            (zrepl, "ZREPL_TIMEOUT", "30s"), (zrepl, "ZREPL_TIMEOUT", "-1"), (zrepl, "ZREPL_TIMEOUT", ""),
            (zrepl, "ZREPL_DRYRUN", "perhaps"), ([:], "ZNAP_NAME", "tank"), ([:], "ZNAP_NAME", "tank@"),
            ([:], "ZNAP_NAME", ""),
        ] as [([String: String], String, String?)])
    func refused(base: [String: String], variable: String, value: String?) {
        var environment = base
        environment[variable] = value
        let error = #expect(throws: InvocationError.self) { try ManagerTests.read(.pre, [], environment) }
        #expect(error?.code == .badValue)
        #expect(error?.message.contains(variable) == true, "\(error?.message ?? "")")
        #expect(error?.message.unicodeScalars.contains { $0.value < 0x20 } == false)
        #expect((error?.message.count ?? 1000) < 300)
    }

    @Test("of two managers at once is refused")
    func twoManagers() {
        let error = #expect(throws: InvocationError.self) {
            try ManagerTests.read(.pre, [], Self.sanoid.merging(Self.zrepl) { $1 })
        }
        #expect(error?.code == .badValue)
        #expect(error?.message.contains("sanoid and zrepl") == true)
    }
}
