import Testing

@testable import ZFS

@Suite("What zfs allow says")
struct DelegationTests {
    private static let output = """
        ---- Permissions on tank/VM -----------------------------
        Permission sets:
        \t@backup send,hold
        Create time permissions:
        \tuserprop
        Local permissions:
        \tuser root userprop
        Descendent permissions:
        \tgroup root quota,userprop
        Local+Descendent permissions:
        \tuser (unknown: 62345) snapshot,userprop
        \tuser 4711 snapshot
        \tuser 4712 @backup
        """

    @Test(
        "gives a permission to a user, a group, or by a set that may have it",
        arguments: [
            ("userprop", 0, true), ("quota", 0, true), ("userprop", 62345, true), ("userprop", 4711, false),
            ("snapshot", 4711, true), ("userprop", 4712, true), ("userprop", 99, false),
        ] as [(String, UInt32, Bool)])
    func lines(permission: String, user: UInt32, isAllowed: Bool) {
        #expect(Delegations(Self.output).allows(permission, user: user, groups: [user]) == isAllowed)
    }

    @Test("may give one to everyone, and nothing to nobody")
    func everyone() {
        #expect(Delegations("\teveryone mount,userprop\n").allows("userprop", user: 99, groups: []))
        #expect(!Delegations("").allows("userprop", user: 0, groups: [0]))
    }
}
