import Hypervisor
import Testing
import XMLTree

@testable import VSphereHypervisor

@Suite("Why a server would refuse a VM's strategies")
struct ObstacleTests {
    private static let running = fixtureProperty("guest.toolsRunningStatus", "guestToolsRunning")
    private static let missing = fixtureProperty("guest.toolsVersionStatus2", "guestToolsNotInstalled")

    private static func devices(_ more: String = "") -> String {
        fixtureProperty("config.hardware.device", fixtureDisk() + more)
    }

    @Test(
        "is told in a word, and with the way out where there is one",
        arguments: [
            (devices() + running, Strategy.quiesce, nil, nil), (devices() + running, .shutdown, nil, nil),
            (devices() + running, .memory, nil, nil), (devices(), .memory, nil, nil), (devices(), .pause, nil, nil),
            (devices(), .quiesce, .agentSilent, "open-vm-tools"), (devices(), .shutdown, .agentSilent, "open-vm-tools"),
            (devices() + missing, .quiesce, .agentMissing, "install"),
            (devices() + missing, .shutdown, .agentMissing, "install"),
            (running, .quiesce, .callFailed, nil),
            (devices(fixtureDevice("VirtualPCIPassthrough")) + running, .pause, .deviceUnsupported, nil),
            (devices(fixtureDevice("VirtualPCIPassthrough")) + running, .quiesce, .deviceUnsupported, nil),
            (
                devices(fixtureDisk(unit: 1, "<sharing>sharingMultiWriter</sharing>")) + running, .quiesce,
                .diskUnsupported, nil
            ),
            (
                devices() + running + fixtureProperty("runtime.faultToleranceState", "running"), .quiesce,
                .deviceUnsupported, nil
            ),
            (
                devices() + running + fixtureProperty("config.flags.snapshotPowerOffBehavior", "revert"), .shutdown,
                .shutdownIgnored, nil
            ),
        ] as [(String, Strategy, ReasonCode?, String?)])
    func table(properties: String, strategy: Strategy, reason: ReasonCode?, fix: String?) throws {
        let details = try fixtureDetails(properties)
        let obstacle =
            switch strategy {
            case .pause: details.obstacleToPause
            case .shutdown: details.obstacleToShutdown
            default: details.obstacle(to: strategy, targets: ["scsi0:0"])
            }
        #expect(obstacle?.reason == reason)
        if let fix { #expect(obstacle?.fix?.contains(fix) == true) }
    }

    @Test(
        "and how a call failed",
        arguments: [
            ("TaskInProgress", ReasonCode.vmBusy), ("ToolsUnavailable", .agentSilent),
            ("ApplicationQuiesceFault", .freezeFailed), ("FilesystemQuiesceFault", .freezeFailed),
            ("HostNotReachable", .unreachable), ("NoDiskSpace", .noRoom), ("RestrictedVersion", .callFailed),
            ("NoPermission", .callFailed), ("InvalidPowerState", .vmChanged),
        ])
    func faults(name: String, reason: ReasonCode) {
        #expect(CallFailure(VimFault(name: name)).error("it", remedy: .fallBack).reason == reason)
    }

    @Test(
        "and that a host's licence is the free one",
        arguments: [
            (["esxBasic"], true), (["esxBasic.vram"], true), (["esx.standard.cpuPackage"], false), (["eval"], false),
            (["esxBasic", "esx.enterprisePlus.cpuPackage"], false), ([], false),
        ])
    func licence(editions: [String], isFound: Bool) throws {
        let infos = editions.map {
            "<LicenseManagerLicenseInfo><licenseKey>k</licenseKey><editionKey>\($0)</editionKey>"
                + "<name>VMware vSphere 8 Hypervisor</name></LicenseManagerLicenseInfo>"
        }
        let finding = HostLicence(licences: try XMLElement.parse("<val>\(infos.joined())</val>")).finding
        #expect((finding != nil) == isFound)
        #expect(finding.map { $0.code == .licenceRefusesSnapshots && $0.what.contains("vSphere 8 Hypervisor") } ?? true)
    }
}
