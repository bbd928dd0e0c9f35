import Hypervisor
import Synchronization
import TestSupport
import Testing

@testable import LibvirtHypervisor

@Suite("A quiesce freeze")
struct QuiesceFreezeTests {
    static let agent =
        "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0' state='connected'/></channel>"

    /// Freezes vda as planned, on a domain whose XML has these parts now; gives the error and whether anything was
    /// recorded. libvirt's test driver has no guest agent, so that nothing gets as far as to be held.
    private func freeze(
        disks: String, channels: String = agent, planned: [String] = ["/tank/a.raw"]
    ) async throws -> (HypervisorError?, recorded: [FreezeState?]) {
        try await withScratchFolder { scratch in
            let connection = try Connection(uri: "test:///default")
            let domain = try #require(try connection.domains().first).domain
            let description = try DomainDescriptionTests.read(
                DomainDescriptionTests.domain(disks: disks, channels: channels))
            let disk = Disk(target: "vda", chain: planned, format: "raw")
            let machine = VirtualMachine(id: description.uuid, name: "web01", power: .running, disks: [disk])
            let recorded = Mutex<[FreezeState?]>([])
            let context = FreezeContext(
                domain: domain, description: description,
                request: FreezeRequest(machine: machine, disks: [disk], strategy: .quiesce, run: "1"),
                settings: ConnectionTests.settings(uri: "test:///default", overlays: scratch.path)
            ) { freezeState in recorded.withLock { $0.append(freezeState) } }
            let freeze = QuiesceFreeze(context: context, gate: FreezeLimiter(places: 1))
            let error = await #expect(throws: HypervisorError.self) { try await freeze.run() }
            return (error, recorded.withLock { $0 })
        }
    }

    @Test(
        "is refused before anything is done where the disk is not as it was planned",
        arguments: [
            "<disk type='file'><source file='/o/other.qcow2'/><backingStore type='file'><source file='/tank/a.raw'/>"
                + "</backingStore>",
            "<disk type='file'><source file='/tank/b.raw'/>", "<disk type='file' device='cdrom'>",
            "<disk type='file'><source file='/tank/a.raw'/><mirror type='file'><source file='/tank/c.raw'/></mirror>",
        ])
    func changed(disk: String) async throws {
        let (error, recorded) = try await freeze(disks: disk + "<target dev='vda'/></disk>")
        #expect(error?.code == .changed)
        #expect(error?.remedy == .fallBack)
        #expect(error?.message == "vda does not write to /tank/a.raw alone any more")
        #expect(recorded.isEmpty)
    }

    @Test("is refused where the disk is gone or has no image")
    func gone() async throws {
        #expect(try await freeze(disks: "").0?.code == .changed)
        #expect(try await freeze(disks: "", planned: []).0?.code == .callFailed)
    }

    @Test(
        "is refused before anything is done without an agent",
        arguments: [
            ("", "the VM has no guest agent channel"),
            (
                "<channel><target name='org.qemu.guest_agent.0' state='disconnected'/></channel>",
                "the guest agent is not running"
            ),
        ])
    func noAgent(channels: String, message: String) async throws {
        let disk = "<disk type='file'><source file='/tank/a.raw'/><target dev='vda'/></disk>"
        let (error, recorded) = try await freeze(disks: disk, channels: channels)
        #expect(error?.message == message)
        #expect(error?.remedy == .fallBack)
        #expect(recorded.isEmpty)
    }

    @Test("that fails has recorded what it was about to make, and that nothing of it is left")
    func undone() async throws {
        let disk = "<disk type='file'><source file='/tank/none/a.raw'/><target dev='vda'/></disk>"
        let (error, recorded) = try await freeze(disks: disk, planned: ["/tank/none/a.raw"])
        #expect(error?.remedy == .fallBack)
        #expect(recorded.map { $0?.step } == [.preparing, nil])
        #expect(recorded.first.flatMap { $0?.disks.map(\.base) } == ["/tank/none/a.raw"])
    }
}
