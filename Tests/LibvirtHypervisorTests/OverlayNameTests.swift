import Hypervisor
import Testing

@testable import LibvirtHypervisor

@Suite("The name of an overlay of ours")
struct OverlayNameTests {
    private static let uuid = "11111111-2222-3333-4444-555555555555"
    private static let run = "20261121T110000Z-1f3c9a"

    @Test("says whose it is, as it was made", arguments: ["web01", "a-b", "*", "web 01"])
    func made(name: String) throws {
        let machine = VirtualMachine(id: Self.uuid, name: name, power: .running, disks: [])
        let path = OverlayFile.path(in: "/o", machine: machine, disk: "vda")
        let read = try #require(OverlayName(path))
        #expect(read.machineID == Self.uuid)
        #expect(read.target == "vda")
        #expect(read.run == nil)
        #expect(read.machineName == OverlayFile.sanitized(name, limit: 40))
    }

    @Test("says its run as well, as older versions made it", arguments: ["web01", "a-b", "_"])
    func old(name: String) throws {
        let read = try #require(OverlayName("/o/\(name)-\(Self.uuid)-vda-\(Self.run).qcow2"))
        #expect(read.machineID == Self.uuid && read.target == "vda" && read.machineName == name)
        #expect(read.run == Self.run)
    }

    @Test("is found in a chain, of the one VM whose it is")
    func chain() {
        let overlay = "/o/web01-\(Self.uuid)-vda.stillpoint.qcow2"
        #expect(["/t/a.qcow2", overlay, "/t/a.raw"].overlay(of: Self.uuid) == overlay)
        #expect([overlay].overlay(of: "21111111-2222-3333-4444-555555555555") == nil)
        #expect(["/t/a.qcow2"].overlay(of: Self.uuid) == nil)
    }

    @Test(
        "is told from others",
        arguments: [
            "web01.qcow2", "web01.stillpoint.qcow2", "web01-\(uuid)-vda.qcow2", "web01-\(uuid)-vda-stillpoint.qcow2",
            "\(uuid)-vda.stillpoint.qcow2", "web01-\(uuid).stillpoint.qcow2", "web01-1234-vda.stillpoint.qcow2",
            "web01-\(uuid)-vda.stillpoint.qcow2.removed", ".stillpoint.qcow2", "web01-\(uuid)-vda-\(run).raw",
            "web01-\(uuid)-vda-\(run)x.qcow2",
            "\(uuid)-vda-\(run).qcow2",
            "web01-\(uuid)-vda-20261121T110000Z-zzzzzz.qcow2", "web01-1234-vda-\(run).qcow2", "\(run).qcow2", "",
        ])
    func others(name: String) {
        #expect(OverlayName("/o/" + name) == nil)
    }
}
