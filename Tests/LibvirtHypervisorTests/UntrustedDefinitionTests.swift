import Hypervisor
import Testing
import XMLTree

@testable import LibvirtHypervisor

@Suite("A definition that is not trusted")
struct UntrustedDefinitionTests {
    private static let uuid = "11111111-2222-3333-4444-555555555555"
    private static let disk =
        "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/vm/a'/><target dev='vda' bus='virtio'/></disk>"

    private func filtered(
        devices: String = "", os: String = "<os><type arch='x86_64' machine='pc'>hvm</type></os>", more: String = "",
        attributes: String = "type='kvm'"
    ) throws -> (domain: XMLElement, leftOut: [String]) {
        let text = """
            <domain \(attributes)><name>web</name><uuid>\(Self.uuid)</uuid><memory unit='KiB'>1024</memory>
            <vcpu placement='static'>2</vcpu>\(os)\(more)<devices>\(Self.disk)\(devices)</devices></domain>
            """
        return try UntrustedDefinition.filtered(XMLElement.parse(text), images: ["/vm/a", "/vm/b"])
    }

    @Test(
        "keeps what leads nowhere",
        arguments: [
            disk, "<interface type='network'><mac address='52:54:00:00:00:01'/><source network='default'/></interface>",
            "<interface type='bridge'><source bridge='br0'/><model type='virtio'/></interface>",
            "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>",
            "<serial type='pty'><target port='0'/></serial>", "<video><model type='virtio' heads='1'/></video>",
            "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>",
            "<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>", "<memballoon model='virtio'/>",
            "<controller type='pci' index='0' model='pcie-root'/>", "<input type='tablet' bus='usb'/>",
            "<watchdog model='i6300esb' action='reset'/>",
            "<disk type='file' device='cdrom'><target dev='sda'/></disk>",
            "<disk type='file'><driver type='qcow2'/><source file='/vm/a'/><backingStore type='file'><format type='raw'/>"
                + "<source file='/vm/b'/><backingStore/></backingStore></disk>",
        ])
    func kept(device: String) throws {
        let (domain, leftOut) = try filtered(devices: device)
        #expect(leftOut.isEmpty)
        #expect(domain.first("devices")?.children.last == (try XMLElement.parse(device)))
    }

    @Test(
        "loses a device whole that leads to the host",
        arguments: [
            "<emulator>/tmp/evil</emulator>", "<hostdev mode='subsystem' type='pci'/>", "<filesystem type='mount'/>",
            "<Disk type='file'><source file='/vm/a'/></Disk>", "<disk type='file'><source file='/etc/shadow'/></disk>",
            "<disk type='block'><source dev='/dev/sda'/></disk>",
            "<disk type='volume'><source pool='p' volume='v'/></disk>",
            "<disk type='network'><source protocol='nbd' name='x'/></disk>", "<disk type='vhostuser'/>",
            "<disk type='nvme'/>",
            "<disk type='file' device='lun'><source file='/vm/a'/></disk>", "<disk type='file'/>",
            "<disk type='file'><source dev='/vm/a'/></disk>", "<disk type='dir'><source dir='/etc'/></disk>",
            "<disk type='file'><source file='/vm/a'/><source file='/etc/shadow'/></disk>",
            "<disk type='file'><driver type='vmdk'/><source file='/vm/a'/></disk>",
            "<disk type='file'><driver type='raw'/><driver type='qcow2'/><source file='/vm/a'/></disk>",
            "<disk type='file'><source file='/vm/a'/><backingStore type='file'><source file='/etc/shadow'/></backingStore></disk>",
            "<disk type='file'><source file='/vm/a'/><backingStore type='file'><source file='/vm/b'/><backingStore "
                + "type='block'><source dev='/dev/sda'/></backingStore></backingStore></disk>",
            "<disk type='file'><source file='/vm/a/../../etc/shadow'/></disk>",
            "<interface type='ethernet'><script path='/tmp/evil'/></interface>", "<interface type='vhostuser'/>",
            "<interface type='direct'><source dev='eth0'/></interface>", "<interface type='hostdev'/>",
            "<serial type='file'><source path='/etc/cron.d/x'/></serial>",
            "<serial type='dev'><source path='/dev/sda'/></serial>",
            "<console type='unix'><source path='/run/x'/></console>",
            "<channel type='pipe'><source path='/x'/></channel>",
            "<rng><backend model='egd' type='unix'><source path='/x'/></backend></rng>",
            "<graphics type='egl-headless'/>",
            "<tpm><backend type='passthrough'><device path='/dev/tpm0'/></backend></tpm>",
            "<redirdev bus='usb' type='tcp'/>",
            "<shmem name='x'/>", "<parallel type='pty'/>", "<smartcard mode='host'/>", "<memory model='nvdimm'/>",
            "<x:disk xmlns:x='urn:x' type='file'><source file='/vm/a'/></x:disk>", "<crypto model='virtio'/>",
            "<input type='evdev'><source dev='/dev/input/event0'/></input>", "<audio id='1' type='file' path='/x'/>",
        ])
    func devices(device: String) throws {
        let (domain, leftOut) = try filtered(devices: device)
        #expect(domain.first("devices")?.children == [try XMLElement.parse(Self.disk)])
        #expect(!leftOut.isEmpty)
    }

    @Test(
        "loses parts that lead to the host",
        arguments: [
            (
                "<interface type='bridge'><source bridge='br0'/><script path='/tmp/evil'/></interface>",
                "devices/interface/script"
            ),
            (
                "<interface type='bridge'><source bridge='br0'/><backend vhost='/dev/x'/></interface>",
                "devices/interface/backend"
            ),
            ("<interface type='bridge'><source bridge='br0' dev='/x'/></interface>", "devices/interface/source/@dev"),
            ("<serial type='pty'><source path='/dev/pts/1'/></serial>", "devices/serial/source"),
            ("<serial type='pty'><log file='/etc/x'/></serial>", "devices/serial/log"),
            ("<channel type='unix'><source mode='bind' path='/run/x'/></channel>", "devices/channel/source"),
            ("<graphics type='vnc' listen='0.0.0.0'/>", "devices/graphics/@listen"),
            ("<graphics type='vnc' socket='/x'/>", "devices/graphics/@socket"),
            ("<graphics type='vnc' passwd='x'/>", "devices/graphics/@passwd"),
            ("<graphics type='spice'><listen type='address' address='0.0.0.0'/></graphics>", "devices/graphics/listen"),
            ("<rng><backend model='random'>/dev/hwrng</backend></rng>", "devices/rng/backend/text"),
            (
                "<tpm><backend type='emulator'><source type='dir' path='/x'/></backend></tpm>",
                "devices/tpm/backend/source"
            ),
            (
                "<video><model type='qxl'><acceleration rendernode='/dev/dri/x'/></model></video>",
                "devices/video/model/acceleration"
            ),
            ("<disk type='file' device='cdrom'><source file='/etc/shadow'/></disk>", "devices/disk/source"),
            (
                "<disk type='file'><source file='/vm/a' startupPolicy='optional'/></disk>",
                "devices/disk/source/@startupPolicy"
            ),
            (
                "<disk type='file'><source file='/vm/a'><seclabel relabel='no'/></source></disk>",
                "devices/disk/source/seclabel"
            ),
            ("<watchdog model='i6300esb' action='dump'/>", "devices/watchdog/@action"),
            ("<controller type='scsi' model='a,b=/x'/>", "devices/controller/@model"),
        ])
    func parts(device: String, path: String) throws {
        let (domain, leftOut) = try filtered(devices: device)
        #expect(leftOut == [path])
        let text = domain.description
        for word in ["/tmp", "/dev/", "/etc", "/run", "/x", "0.0.0.0", "passwd"] {
            #expect(!text.contains(word), "\(word)")
        }
    }

    @Test(
        "loses what is beside the devices",
        arguments: [
            "<metadata><x/></metadata>", "<seclabel type='none'/>", "<sysinfo type='fwcfg'/>",
            "<qemu:commandline><qemu:arg value='-x'/></qemu:commandline>",
            "<memoryBacking><hugepages/></memoryBacking>",
            "<launchSecurity type='sev'/>", "<resource><partition>/x</partition></resource>", "<commandline/>",
            "<numatune/>", "<blkiotune/>", "<bootloader>/x</bootloader>", "<idmap/>", "<keywrap/>",
        ])
    func beside(element: String) throws {
        let (domain, leftOut) = try filtered(
            more: element, attributes: "type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'")
        #expect(domain.children.map(\.name) == ["name", "uuid", "memory", "vcpu", "os", "devices"])
        #expect(domain.attributes.map(\.name) == ["type"])
        #expect(leftOut.count == 2)
    }

    @Test("leaves the firmware and its variables to libvirt")
    func firmware() throws {
        let (domain, leftOut) = try filtered(
            os: """
                <os><type arch='x86_64' machine='q35'>hvm</type><loader readonly='yes' type='pflash'>/tmp/evil</loader>\
                <nvram template='/etc/shadow'>/etc/profile.d/x.sh</nvram><kernel>/etc/shadow</kernel><initrd>/x</initrd>\
                <cmdline>x</cmdline><dtb>/x</dtb><boot dev='hd'/></os>
                """)
        let os = try #require(domain.first("os"))
        #expect(os["firmware"] == "efi")
        #expect(os.children.map(\.name) == ["type", "boot"])
        #expect(leftOut == ["os/loader", "os/nvram", "os/kernel", "os/initrd", "os/cmdline", "os/dtb"])
    }

    @Test("filtered twice is as filtered once, and then nothing is left out")
    func idempotent() throws {
        let (once, _) = try filtered(
            devices:
                "<graphics type='vnc' port='5900'/><rng><backend model='random'>/dev/random</backend></rng><hostdev/>",
            os: "<os><type>hvm</type><loader type='pflash'>/x</loader></os>")
        let (twice, leftOut) = try UntrustedDefinition.filtered(once, images: ["/vm/a", "/vm/b"])
        #expect(twice == once && leftOut.isEmpty)
        #expect(once.first("devices", "graphics")?["autoport"] == "yes")
    }

    @Test(
        "is refused where it names no VM properly",
        arguments: [
            "<domain type='kvm'><name>a</name></domain>", "<domain type='kvm'><uuid>\(uuid)</uuid></domain>",
            "<domain><name>a/b</name><uuid>\(uuid)</uuid></domain>", "<domain><name>a</name><uuid>../x</uuid></domain>",
            "<domain><name>a</name><name>b</name><uuid>\(uuid)</uuid></domain>", "<network><name>a</name></network>",
            "<domain><name>a\u{1B}[2J</name><uuid>\(uuid)</uuid></domain>",
        ])
    func nameless(text: String) throws {
        guard let domain = try? XMLElement.parse(text) else { return }
        #expect(throws: HypervisorError.self) { try UntrustedDefinition.filtered(domain, images: []) }
    }

    @Test("must be that of the VM whose it is said to be", arguments: [(true, true), (true, false), (false, true)])
    func identity(isID: Bool, isName: Bool) throws {
        let text = "<domain type='kvm'><name>web</name><uuid>\(Self.uuid)</uuid><devices/></domain>"
        let request = RestoreRequest(
            definition: text, power: .off,
            identity: RestoreRequest.Identity(
                id: isID ? Self.uuid : Self.uuid.replacing("1", with: "6"), name: isName ? "web" : "db"))
        guard isID, isName else {
            #expect(throws: HypervisorError.self) { try RestorePlan(request) { _, _ in "" } }
            return
        }
        #expect(try RestorePlan(request) { _, _ in "" }.uuid == Self.uuid)
    }

    @Test("has its images where they are put, and keeps no variables where it says")
    func plan() throws {
        let text = """
            <domain type='kvm'><name>web</name><uuid>\(Self.uuid)</uuid><os><type>hvm</type>\
            <nvram>/etc/profile.d/x.sh</nvram></os><devices>\(Self.disk)</devices></domain>
            """
        let plan = try RestorePlan(
            RestoreRequest(
                definition: text, files: [SavedFile(name: "nvram", path: "/private/0")],
                moves: [PathMove(from: "/vm/a", to: "/clone/a")], power: .off, isTrusted: false)
        ) { _, _ in "" }
        #expect(plan.placements.isEmpty)
        #expect(plan.leftOut == ["os/nvram", "the saved file nvram"])
        #expect(plan.definition.first("devices", "disk", "source")?["file"] == "/clone/a")
        #expect(!plan.definition.description.contains("/etc"))
    }
}
