import Hypervisor
import TestSupport
import Testing
import XMLTree

@testable import LibvirtHypervisor

@Suite("Why a domain's strategies would fail")
struct StrategyCheckTests {
    private static let disk = "<disk type='file'><source file='/tank/a.raw'/><target dev='vda'/></disk>"
    private static let silent = "<channel><target name='org.qemu.guest_agent.0' state='disconnected'/></channel>"

    /// On libvirt's test driver, which has a domain that runs and no agent, with this definition of it.
    private func obstacles(
        to strategies: [Strategy], disks: String = disk, channels: String = "", planned: String = "/tank/a.raw"
    ) async throws -> [Strategy: StrategyObstacle] {
        try await withScratchFolder { scratch in
            let connection = try Connection(uri: "test:///default")
            let domain = try #require(try connection.domains().first).domain
            let description = try DomainDescriptionTests.read(
                DomainDescriptionTests.domain(disks: disks, channels: channels))
            let disk = Disk(target: "vda", chain: [planned], format: "raw")
            let machine = VirtualMachine(id: description.uuid, name: "web 01", power: .running, disks: [disk])
            return try await StrategyCheck(
                domain: domain, description: description,
                request: FreezeRequest(machine: machine, disks: [disk], strategy: .quiesce, run: RAMFile.anyRun),
                settings: ConnectionTests.settings(uri: "test:///default", overlays: scratch.path)
            ).obstacles(to: strategies)
        }
    }

    @Test(
        "are that it has no agent, or one that does not run, with the way to one",
        arguments: [
            ("", ReasonCode.agentMissing, "has no guest agent channel", "org.qemu.guest_agent.0"),
            (silent, .agentSilent, "is not running", "systemctl enable --now qemu-guest-agent"),
        ])
    func agent(channels: String, reason: ReasonCode, words: String, fix: String) async throws {
        let obstacles = try await obstacles(to: [.quiesce, .freeze, .pause], channels: channels)
        #expect(obstacles.keys.contains(.pause) == false)
        for strategy in [Strategy.quiesce, .freeze] {
            let obstacle = try #require(obstacles[strategy])
            #expect(obstacle.reason == reason && obstacle.message.contains(words))
            #expect(obstacle.fix?.contains(fix) == true, "\(obstacle.fix ?? "")")
        }
        #expect(obstacles[.quiesce] == obstacles[.freeze])
    }

    @Test("have no channel added again that the definition has already")
    func definedAgent() {
        let fix = AgentFix(domain: "web", virsh: "virsh", isDefined: true)
        #expect(fix.text(for: .agentMissing)?.contains("shut the VM down and start it") == true)
        #expect(fix.text(for: .agentMissing)?.contains("attach-device") == false)
        #expect(fix.text(for: .agentSilent) == AgentFix(domain: "web", virsh: "virsh").text(for: .agentSilent))
    }

    @Test("are named in commands with the name quoted, and with the URI where it is not the usual one")
    func command() async throws {
        let fix = try #require(try await obstacles(to: [.quiesce])[.quiesce]?.fix)
        #expect(fix.hasPrefix("printf %s \"<channel "))
        #expect(fix.contains("\" | virsh -c test:///default attach-device 'web 01' /dev/stdin --config; then install "))
    }

    @Test(
        "are named in commands by the UUID where virsh, or a shell, would take the name for something else",
        arguments: [
            ("web01", "web01"), ("web 01", "'web 01'"), ("it's", "'it'\\''s'"), ("7", "U"), ("007", "U"), ("-x", "U"),
            ("--", "U"), ("", "U"), ("6695eb01-f6a4-8304-79aa-97f2502e193f", "U"), ("a\u{202E}b", "U"), ("a\nb", "U"),
            ("7a", "7a"), ("größe", "'größe'"),
        ])
    func virshWord(name: String, expected: String) {
        let id = "c0ffee00-0000-4000-8000-000000000001"
        let machine = VirtualMachine(id: id, name: name, power: .running, disks: [])
        #expect(machine.virshWord == (expected == "U" ? id : expected))
    }

    @Test(
        "with RAM are devices and disks that cannot be of the same instant",
        arguments: [
            ("<hostdev mode='subsystem' type='pci'/>", ReasonCode.deviceUnsupported, "passed through"),
            ("<disk type='file'><source file='/b'/><target dev='vdb'/></disk>", .diskUnsupported, "vdb is not on the"),
            (
                "<disk type='file'><source file='/b'/><target dev='vdb'/><transient/></disk>", .diskUnsupported,
                "vdb is transient"
            ),
        ])
    func memory(devices: String, reason: ReasonCode, words: String) async throws {
        let obstacle = try #require(try await obstacles(to: [.memory], disks: Self.disk + devices)[.memory])
        #expect(obstacle.reason == reason && obstacle.message.contains(words))
    }

    @Test("are nothing for strategies that do nothing")
    func nothing() async throws {
        #expect(try await obstacles(to: [.crashConsistent, .ignore, .exec(path: "/p")]).isEmpty)
    }

    @Test(
        "to a shutdown are that it would not end the VM, or that the guest would not hear of it",
        arguments: [
            ("<on_poweroff>restart</on_poweroff>", true, "on_poweroff is restart"),
            ("<on_poweroff>destroy</on_poweroff>", true, nil),
            ("", false, "no agent that answers and no power button"),
            ("<features><acpi/></features>", false, nil),
            ("<features><apic/></features>", false, "no power button"),
        ] as [(String, Bool, String?)])
    func shutdown(parts: String, hasAgent: Bool, words: String?) throws {
        let text = "<domain><os><type arch='x86_64'>hvm</type></os>\(parts)</domain>"
        let obstacle = DomainShutdown.obstacle(in: try XMLElement.parse(text), hasAgent: hasAgent)
        #expect(obstacle?.reason == (words == nil ? nil : .shutdownIgnored))
        #expect(obstacle == nil || obstacle?.message.contains(words ?? "-") == true)
    }

    @Test(
        "to a shutdown are none on machines that have a power button without ACPI, nor where the agent has its channel open"
    )
    func machines() throws {
        let arm = try XMLElement.parse("<domain><os><type arch='aarch64'>hvm</type></os></domain>")
        #expect(DomainShutdown.obstacle(in: arm, hasAgent: false) == nil)
        let open = "<channel><target name='org.qemu.guest_agent.0' state='connected'/></channel>"
        let pc = "<domain><os><type arch='x86_64'>hvm</type></os><devices>\(open)</devices></domain>"
        #expect(DomainShutdown.obstacle(in: try XMLElement.parse(pc)) == nil)
        #expect(DomainShutdown.obstacle(in: try XMLElement.parse(pc), hasAgent: false) != nil)
    }
}
