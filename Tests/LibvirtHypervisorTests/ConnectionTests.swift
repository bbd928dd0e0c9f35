import Dispatch
import Hypervisor
import TestSupport
import Testing

@testable import LibvirtHypervisor

@Suite("A connection to libvirt")
struct ConnectionTests {
    static func settings(uri: String, overlays: String = "/nonexistent") -> HypervisorSettings {
        var settings = HypervisorSettings(name: "local", uri: uri)
        (settings.overlayDirectory, settings.ramDirectory) = (overlays, overlays)
        (settings.agentTimeout, settings.freezeLimit, settings.commitTimeout) = (.seconds(1), .seconds(1), .seconds(1))
        return settings
    }

    @Test(
        "that cannot be made names its address and a fix",
        arguments: [
            ("qemu+unix:///system?socket=/nonexistent/sock", "start libvirtd"),
            ("qemu+nonsense:///system", "virsh -c qemu+nonsense:///system list"),
        ])
    func unreachable(uri: String, fix: String) async {
        let pool = ConnectionPool(uri: uri)
        let error = await #expect(throws: HypervisorError.self) { try await pool.with { _ in 1 } }
        #expect(error?.code == .unreachable)
        #expect(error?.message.contains(uri) == true)
        #expect(error?.message.contains(fix) == true, "\(error?.message ?? "")")
    }

    @Test("carries as many VMs at once as the section says")
    func maxParallel() {
        var settings = Self.settings(uri: "test:///default")
        #expect(LibvirtHypervisor(settings).maxParallel == nil)
        settings.maxParallel = 3
        #expect(LibvirtHypervisor(settings).maxParallel == 3)
    }

    @Test("is tried again after it could not be had")
    func again() async {
        let pool = ConnectionPool(uri: "qemu+unix:///system?socket=/nonexistent/sock")
        for _ in 0..<3 {
            await #expect(throws: HypervisorError.self) { try await pool.with { _ in 1 } }
        }
    }

    @Test("is lent again, but not as long as a call hangs on it that was given up")
    func spent() async throws {
        let pool = ConnectionPool(uri: "test:///default")
        let gate = DispatchSemaphore(value: 0)
        let first = try await pool.with { ObjectIdentifier($0) }
        let second = try await pool.with { connection in
            _ = try? await blocking("hanging", within: .milliseconds(10)) {
                gate.wait()
                withExtendedLifetime(connection) {}
            }
            return ObjectIdentifier(connection)
        }
        #expect(second == first)
        let third = try await pool.with { ObjectIdentifier($0) }
        #expect(third != first)
        gate.signal()
        await pool.close()
    }

    @Test("is closed for libvirt too, also one that heard of events", arguments: [true, false])
    func closed(hearsEvents: Bool) async throws {
        let opened = OpenConnections()
        let pool = ConnectionPool(uri: "test:///default", hearsEvents: true, opened: opened)
        try await pool.blockingCall("listening", within: .seconds(20)) { connection in
            guard hearsEvents, let (domain, _) = try connection.domains().first else { return }
            try connection.subscribeToBlockJobs(BlockJobEvents(), of: domain)
            try connection.subscribeToPauses(PauseStopwatch(), of: domain)
        }
        await pool.close()
        let begin = ContinuousClock.now
        await opened.areClosed(within: .seconds(20))
        #expect(begin.duration(to: .now) < .seconds(10))
        #expect(opened.kept == 0)
    }

    @Test("that a call hangs on is not waited for when the others are closed")
    func hangs() async throws {
        let opened = OpenConnections()
        let pool = ConnectionPool(uri: "test:///default", opened: opened)
        let gate = DispatchSemaphore(value: 0)
        await #expect(throws: HypervisorError.self) {
            try await pool.blockingCall("hanging", within: .milliseconds(50)) { _ in gate.wait() }
        }
        await pool.close()
        let begin = ContinuousClock.now
        await opened.areClosed(within: .milliseconds(100))
        #expect((.milliseconds(50)..<(.seconds(10))).contains(begin.duration(to: .now)))
        gate.signal()
        await opened.areClosed(within: .seconds(20))
        #expect(opened.kept == 0)
    }

    @Test("lists libvirt's own test machine")
    func listing() async throws {
        let hypervisor = LibvirtHypervisor.make(Self.settings(uri: "test:///default", overlays: "/overlays"))
        let machines = try await hypervisor.virtualMachines()
        #expect(machines.map(\.name) == ["test"])
        #expect(machines.map(\.power) == [.running])
        let machine = try #require(machines.first)
        #expect(machine.id.utf8.count == 36)
        #expect(try await hypervisor.virtualMachine(id: machine.id) == machine)
        #expect(hypervisor.name == "local")
        #expect(hypervisor.overlayDirectory == "/overlays")
        await hypervisor.close()
    }

    @Test("lists every domain though the pools of some are gone, and says of which that matters")
    func danglingVolumes() async throws {
        try await withScratchFolder { scratch in
            let domains = [("lost", "disk"), ("sound", "cdrom")].map { name, device in
                """
                <domain type='test'><name>\(name)</name><memory>65536</memory><os><type>hvm</type></os><devices>
                <disk type='volume' device='\(device)'><source pool='gone' volume='x'/><target dev='hda'/></disk>
                <disk type='file'><source file='/t/\(name)'/><target dev='hdb'/></disk></devices></domain>
                """
            }
            let node = try scratch.write("node.xml", "<node>\(domains.joined())</node>")
            let hypervisor = LibvirtHypervisor(Self.settings(uri: "test://\(node)"))
            let machines = try await hypervisor.virtualMachines().sorted { $0.name < $1.name }
            #expect(machines.map(\.name) == ["lost", "sound"])
            #expect(machines.map { $0.disks.map(\.source) } == [[nil, "/t/lost"], [nil, "/t/sound"]])
            #expect(machines.map { $0.unresolved?.count } == [1, nil])
            #expect(machines.first?.unresolved?.first?.contains("finding the storage pool gone") == true)
            let lost = try #require(machines.first)
            #expect(try await hypervisor.virtualMachine(id: lost.id) == lost)
            await hypervisor.close()
        }
    }

    @Test("gives nothing for a machine that is not there")
    func missing() async throws {
        let hypervisor = LibvirtHypervisor(Self.settings(uri: "test:///default"))
        #expect(try await hypervisor.virtualMachine(id: "c0ffee00-0000-4000-8000-000000000001") == nil)
        await hypervisor.close()
    }

    @Test("serves many callers at once")
    func many() async throws {
        let hypervisor = LibvirtHypervisor(Self.settings(uri: "test:///default"))
        let names = try await withThrowingTaskGroup(of: [String].self) { group in
            for _ in 0..<20 { group.addTask { try await hypervisor.virtualMachines().map(\.name) } }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(names == [String](repeating: "test", count: 20))
        await hypervisor.close()
    }

    @Test("is opened anew after it was closed")
    func reopened() async throws {
        let hypervisor = LibvirtHypervisor(Self.settings(uri: "test:///default"))
        #expect(try await hypervisor.virtualMachines().count == 1)
        await hypervisor.close()
        #expect(try await hypervisor.virtualMachines().count == 1)
        await hypervisor.close()
    }
}
