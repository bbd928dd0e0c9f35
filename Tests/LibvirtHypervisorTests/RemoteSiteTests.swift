import Hypervisor
import TestSupport
import Testing
import XMLTree

@testable import LibvirtHypervisor

@Suite("A libvirtd elsewhere")
struct RemoteSiteTests {
    static func settings(
        uri: String = "test:///default", ours: String = "/tank/VM", overlays: String = "/o"
    ) -> HypervisorSettings {
        var settings = HypervisorSettings(name: "kvm1", uri: uri)
        settings.site = RemoteSite(
            paths: PathMap([PathMap.Line(theirs: "/mnt/vm", ours: ours)]), overlayDirectory: overlays)
        return settings
    }

    private static func machine(
        _ disks: [Disk], power: VirtualMachine.PowerState = .running
    ) -> VirtualMachine {
        VirtualMachine(id: "1", name: "web", power: power, disks: disks)
    }

    @Test("has our paths in a plan, and no path of ours for what is not ours")
    func plan() {
        var disk = Disk(
            target: "vda", chain: ["/o/x.qcow2", "/mnt/vm/web.raw"], format: "qcow2",
            lowerFormats: ["/mnt/vm/web.raw": "raw"])
        disk.overlay = DiskOverlay(path: "/o/x.qcow2", run: nil)
        let found = Self.settings().plannedDisk(disk)
        #expect(found.chain == ["kvm1:/o/x.qcow2", "/tank/VM/web.raw"])
        #expect(found.format(of: "/tank/VM/web.raw") == "raw")
        #expect(found.overlay == DiskOverlay(path: "kvm1:/o/x.qcow2", run: nil))
        #expect(HypervisorSettings(name: "local").plannedDisk(disk) == disk)
    }

    @Test("names a disk whose place here is empty, so that its VM is not passed over in silence")
    func missing() throws {
        try withScratchFolder { scratch in
            _ = try scratch.write("here.raw", "")
            let settings = Self.settings(ours: scratch.path)
            let disks = ["here.raw", "gone.raw"].map { Disk(target: $0, chain: ["/mnt/vm/\($0)"], format: "raw") }
            let cdrom = Disk(target: "sda", chain: ["/mnt/vm/gone.iso"], format: "raw", exclusion: .cdrom)
            let elsewhere = Disk(target: "vdz", chain: ["/var/lib/local.raw"], format: "raw")
            let found = settings.plannedMachine(Self.machine(disks + [cdrom, elsewhere]))
            #expect(
                found.unresolved == [
                    "gone.raw is /mnt/vm/gone.raw there, and by path_map \(scratch.path)/gone.raw here, which does not exist"
                ])
        }
    }

    @Test("of a VM that is off reads the images' headers here, and takes the paths in them for its host's")
    func headers() async throws {
        try await withScratchFolder { scratch in
            let base = scratch.path + "/base.raw"
            _ = try scratch.write("base.raw", String(repeating: "x", count: 1 << 16))
            for (name, backing) in [("there", "/mnt/vm/base.raw"), ("beside", "base.raw"), ("other", "/srv/base.raw")] {
                let disk = OverlayDisk(
                    target: "vda", base: backing, baseFormat: "raw", overlay: "\(scratch.path)/\(name).qcow2")
                try await OverlayFile.create(disk, capacity: 1 << 16, run: OverlayFileTests.run)
                let planned = Self.settings(ours: scratch.path).plannedMachine(
                    Self.machine([Disk(target: "vda", chain: ["/mnt/vm/\(name).qcow2"], format: "qcow2")], power: .off))
                #expect(
                    planned.disks[0].chain == [disk.overlay, name == "other" ? "kvm1:/srv/base.raw" : base], "\(name)")
            }
        }
    }

    @Test("takes every device that is passed through for storage, since it cannot look")
    func hostDevices() throws {
        let usb = try XMLElement.parse(
            "<hostdev type='usb'><source><address bus='1' device='2'/></source></hostdev>")
        let pci = try XMLElement.parse(
            "<hostdev type='pci'><source><address domain='0x0' bus='0x0' slot='0x1' function='0x0'/></source></hostdev>"
        )
        #expect(HostDevices(root: nil).isWritableStorage(usb) && HostDevices(root: nil).isWritableStorage(pci))
    }

    @Test("says of a VM with UEFI variables or a TPM that they are not saved")
    func files() throws {
        let xml = """
            <domain><name>a</name><uuid>11111111-2222-3333-4444-555555555555</uuid>
            <os><nvram>/var/lib/libvirt/qemu/nvram/a.fd</nvram></os><devices/></domain>
            """
        let description = try DomainDescriptionTests.read(xml)
        #expect(description.machine(.running, isElsewhere: true).notes.count == 1)
        #expect(description.machine(.running).notes.isEmpty)
        #expect(
            try DomainDescriptionTests.read(DomainDescriptionTests.domain()).machine(.running, isElsewhere: true).notes
                .isEmpty)
    }

    @Test("needs no folder of this host, dumps no RAM and restores nothing")
    func limits() throws {
        let hypervisor = LibvirtHypervisor(Self.settings(overlays: "/mnt/vm/overlays"))
        #expect(hypervisor.overlayDirectory == nil)
        #expect(hypervisor.mappedOverlayDirectory == "/tank/VM/overlays")
        #expect(hypervisor.obstacleToRestore?.contains("[hypervisor kvm1] has path_map") == true)
        let local = LibvirtHypervisor(HypervisorSettings(name: "local"))
        #expect(local.overlayDirectory != nil && local.mappedOverlayDirectory == nil && local.obstacleToRestore == nil)
        let store = try Self.settings().overlayStore(on: Connection(uri: "test:///default"))
        #expect(store.obstacleToMemory?.message.contains("another host") == true)
    }

    @Test("is told its own paths of what was planned with ours, and of nothing that is not as it was planned")
    func held() throws {
        let settings = Self.settings()
        let domain = try #require(try Connection(uri: settings.uri, site: settings.site).domains().first).domain
        let xml = "<disk type='file'><source file='/mnt/vm/a.raw'/><target dev='vda'/></disk>"
        let description = try DomainDescriptionTests.read(DomainDescriptionTests.domain(disks: xml))
        func held(_ planned: String) throws -> [OverlayDisk] {
            let disk = Disk(target: "vda", chain: [planned], format: "raw")
            let machine = VirtualMachine(id: description.uuid, name: "web01", power: .running, disks: [disk])
            return try FreezeContext(
                domain: domain, description: description,
                request: FreezeRequest(machine: machine, disks: [disk], strategy: .quiesce, run: "1"),
                settings: settings
            ) { _ in }.heldDisks()
        }
        let disk = try #require(try held("/tank/VM/a.raw").first)
        #expect(disk.base == "/mnt/vm/a.raw")
        #expect(disk.overlay == "/o/web01-\(description.uuid)-vda.stillpoint.qcow2")
        for other in ["/mnt/vm/a.raw", "/tank/VM/b.raw", "kvm1:/mnt/vm/a.raw"] {
            let error = #expect(throws: HypervisorError.self) { try held(other) }
            #expect(error?.code == .changed, "\(other)")
        }
    }

    @Test("does not dump RAM, and says so before anything is done")
    func memory() async throws {
        let settings = Self.settings()
        let connection = try Connection(uri: settings.uri, site: settings.site)
        let domain = try #require(try connection.domains().first).domain
        let machine = VirtualMachine(id: try domain.uuid(), name: "test", power: .running, disks: [])
        let error = await #expect(throws: HypervisorError.self) {
            try await LibvirtHypervisor(settings).freeze(
                FreezeRequest(machine: machine, disks: [], strategy: .memory, run: "1")
            ) { _ in Issue.record("nothing is held") }
        }
        #expect(error?.remedy == .fallBack && error?.message.contains("another host") == true)
    }
}
