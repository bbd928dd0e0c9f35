import Glibc
import HostFixtures
import Hypervisor
import SnapshotManagers
import TestSupport
import Testing

@testable import Engine

@Suite("A hook of a user who is not root")
struct RightsTests {
    private static let delegated = """
        ---- Permissions on tank/VM -----------------------------
        Local+Descendent permissions:
        \tuser sanoid destroy,mount,snapshot

        """

    /// - Parameter denied: endings of the paths that the user has no rights on.
    private func with(
        denied: [String], delegations: String? = nil,
        _ body: (inout HookBench, HostFixture) async throws -> Void
    ) async throws {
        try await withBench { bench, host async throws in
            var bench = bench
            let isAllowed: @Sendable (String) -> Bool = { path in !denied.contains { path.hasSuffix($0) } }
            bench.user = ProgramUser(id: 62345, may: { path, _ in isAllowed(path) }, reaches: isAllowed)
            try bench.scratch.write("tank/VM/web01.raw", "disk")
            if let delegations { try bench.scratch.write("delegations", delegations) }
            bench.has(host.web())
            try await body(&bench, host)
        }
    }

    @Test("says all that is missing at once, with what gives it, before anything is touched")
    func all() async throws {
        let path = "/overlays"
        try await with(denied: ["/state", path, "web01.raw"], delegations: Self.delegated) { bench, host async throws in
            // As the state directory that the package makes.
            try bench.scratch.folder("state")
            bench.world.change { behaviour in
                behaviour.list = {
                    throw HypervisorError(
                        .unreachable, "libvirt at qemu:///system cannot be reached (Permission denied)", remedy: .stop)
                }
            }
            #expect(await bench.run(.pre) == .usage)
            let said = bench.log.lines.filter { $0.hasPrefix("error") }
            #expect(said.count == 1)
            let scratch = bench.scratch.path
            for part in [
                "the user 62345 (62345) may not talk to [hypervisor local] (libvirt at qemu:///system cannot be reached",
                "may not write to state_dir \(scratch)/state", "may not write to overlay_dir \(scratch)/overlays",
                "may not set properties of tank/VM's snapshots", "Nothing was touched", "User=root",
                "(zfs allow 62345 userprop tank/VM)",
                "may not open what QEMU's user owns, disks and overlays (\(scratch)/overlays)",
            ] { #expect(said.first?.contains(part) == true, "\(part) in \(said)") }
            #expect(bench.world.count("freeze") == 0)
            #expect(try bench.scratch.names(in: "state").isEmpty)
        }
    }

    @Test(
        "names each thing that is missing",
        arguments: [
            ("web01.raw", "open what QEMU's user owns, disks and overlays ("), ("/overlays", "write to overlay_dir"),
            ("/state", "write to state_dir"),
        ])
    func one(denied: String, said: String) async throws {
        try await with(denied: [denied]) { bench, host async throws in
            try bench.scratch.folder("state")
            #expect(await bench.run(.pre) == .usage)
            #expect(bench.log.text.contains("may not \(said)"), "\(bench.log.text)")
            #expect(bench.world.count("freeze") == 0)
        }
    }

    @Test("works where nothing is missing", arguments: [nil, delegated + "\teveryone userprop\n"])
    func allowed(delegations: String?) async throws {
        try await with(denied: [], delegations: delegations) { bench, host async throws in
            #expect(await bench.run(.pre) == .done)
            #expect(bench.world.count("freeze") == 1)
        }
    }

    @Test("needs nothing for a dataset without VMs")
    func noMachine() async throws {
        try await with(denied: ["/state", "/overlays"]) { bench, host async throws in
            bench.has(host.machine("other", host.disk("vda", "tank/other/a.raw")))
            #expect(await bench.run(.pre) == .done)
        }
    }

    @Test("is not asked for what QEMU owns of a VM that is off, or is crash-consistent by its strategy")
    func nothingToHold() async throws {
        try await with(denied: ["web01.raw"]) { bench, host async throws in
            bench.has(host.web(power: .off))
            #expect(await bench.run(.pre) == .done)
            #expect(bench.world.count("freeze") == 0)
        }
    }

    @Test("is not refused for a libvirtd that is down: its VMs are crash-consistent, as for root")
    func down() async throws {
        try await with(denied: []) { bench, host async throws in
            bench.world.change { behaviour in
                behaviour.list = { throw HypervisorError(.unreachable, "Connection refused", remedy: .stop) }
            }
            #expect(await bench.run(.pre) == .done)
        }
    }

    @Test("asks for nothing more than before where it is root's")
    func root() async throws {
        try await withBench { bench, host async throws in
            var bench = bench
            bench.user = ProgramUser(id: 0, may: { _, _ in false }, reaches: { _ in false })
            bench.has(host.web())
            #expect(await bench.run(.pre) == .done)
            #expect(bench.world.calls == ["list", "freeze web01"])
        }
    }
}
