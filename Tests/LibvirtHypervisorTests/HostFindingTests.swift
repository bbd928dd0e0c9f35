import Hypervisor
import Testing

@testable import LibvirtHypervisor

@Suite("What check says of a libvirt host")
struct HostFindingTests {
    @Test(
        "is that AppArmor is in force where libvirt denies commits, and that its parser is missing",
        arguments: [
            (9_000_000, true, [FindingCode.appArmorInForce]),
            (11_003_000, false, [.appArmorParserMissing, .appArmorInForce]), (12_001_000, false, []),
        ] as [(UInt, Bool, [FindingCode])])
    func appArmor(version: UInt, hasParser: Bool, codes: [FindingCode]) {
        let findings = LibvirtHypervisor.appArmorFindings(libvirt: version, hasParser: hasParser)
        #expect(findings.map(\.code) == codes)
        #expect(
            findings.first { $0.code == .appArmorParserMissing }?.fix
                == (codes.count > 1 ? "apt install apparmor" : nil))
    }

    @Test("is a note where nothing confines qemu-img")
    func confinement() {
        #expect(LibvirtHypervisor.confinementMissing.code == .confinementMissing)
        #expect(FindingCode.confinementMissing.severity == .note)
    }
}
