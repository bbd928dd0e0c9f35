import Hypervisor
import TestSupport
import Testing
import XMLTree

@testable import LibvirtHypervisor

@Suite("A disk that no <disk> names")
struct UnnamedDiskTests {
    private func disks(arguments: [String]) throws -> [UnnamedDisk] {
        let list = arguments.map { XMLElement("qemu:arg", ["value": $0]) }
        return UnnamedDisk.find(
            in: XMLElement("domain", children: [XMLElement("qemu:commandline", children: list)]))
    }

    @Test(
        "is found among QEMU's arguments, with its image",
        arguments: [
            (["-drive", "file=/t/a.raw,if=virtio,format=raw"], "/t/a.raw"),
            (["--drive", "format=raw,file=/t/a,,b.raw"], "/t/a,b.raw"),
            (["-m", "1", "-hdb", "/t/b.img"], "/t/b.img"),
            (["-blockdev", "driver=file,node-name=a,filename=/t/a"], "/t/a"),
            (["-blockdev", "driver=raw,file.driver=file,file.filename=/t/a"], "/t/a"),
            (
                ["-blockdev", #"{"driver": "raw", "file": {"driver":"file", "filename" : "/t/a \"b\", c"}}"#],
                "/t/a \"b\", c"
            ),
            (["-drive", "file=nbd://h/x"], nil), (["-drive", "if=virtio"], nil), (["-readconfig", "/etc/q.cfg"], nil),
            (["-device", "vhost-user-blk-pci,chardev=c"], nil), (["-device", "vfio-pci,host=01:00.0"], nil),
            (["-device", #"{"driver":"vhost-user-blk","chardev":"c"}"#], nil),
            (["-set", "drive.drive-virtio-disk0.file=/t/a"], nil),
            (["-object", "memory-backend-file,id=m,pmem=on,mem-path=/t/a"], nil), (["-drive"], nil),
            (["-drive", "file=/t/read-only=on/a"], "/t/read-only=on/a"),
        ] as [([String], String?)])
    func found(arguments: [String], path: String?) throws {
        let found = try disks(arguments: arguments)
        try #require(found.count == 1)
        #expect(found[0].disk.source == path)
        #expect(found[0].disk.refusal?.hasPrefix("the guest has a disk that no <disk> names, -") == true)
        #expect(found[0].disk.exclusion == nil)
    }

    @Test(
        "is none where nothing is written to it, or the argument is about something else",
        arguments: [
            ["-drive", "file=/t/a,readonly=on"], ["-drive", "file=/t/a,read-only=on"],
            ["-drive", "file=/t/a.iso,media=cdrom"], ["-drive", "file=/t/a,if=floppy"],
            ["-drive", "file=/t/vars.fd,if=pflash"], ["-drive", "file=/t/a,snapshot=on"],
            ["-blockdev", #"{"driver":"file","filename":"/t/a","read-only":true}"#], ["-cdrom", "/t/a.iso"],
            ["-fda", "/t/a"], ["-device", "virtio-rng-pci"], ["-fw_cfg", "name=opt/drive,file=/t/a"],
            ["-set", "device.net0.x=1"], ["-smbios", "type=1,serial=-drive"], ["drive", "file=/t/a"], [],
        ])
    func none(arguments: [String]) throws {
        #expect(try disks(arguments: arguments).isEmpty)
    }

    @Test(
        "is a device of the host that is storage, or a module that holds a file system",
        arguments: [
            ("<hostdev mode='subsystem' type='scsi'><source><adapter name='scsi_host0'/></source></hostdev>", true),
            ("<hostdev mode='subsystem' type='scsi'><source/><readonly/></hostdev>", false),
            ("<hostdev mode='subsystem' type='scsi'><source/><shareable/></hostdev>", false),
            ("<hostdev mode='subsystem' type='scsi_host'><source protocol='vhost' wwpn='naa.1'/></hostdev>", true),
            ("<hostdev type='mdev' model='vfio-pci'><source/></hostdev>", false),
            ("<hostdev type='mdev' model='vfio-ccw'><source/></hostdev>", true),
            ("<hostdev type='pci'><source><address bus='0x01' slot='0x00' function='0x0'/></source></hostdev>", true),
            (
                "<hostdev type='pci'><source><address domain='0x0000' bus='0x02' slot='0x00' function='0x1'/></source>"
                    + "</hostdev>", false
            ),
            ("<hostdev type='pci'><source><address bus='0x09' slot='0x00' function='0x0'/></source></hostdev>", true),
            ("<hostdev type='usb'><source><address bus='1' device='4'/></source></hostdev>", true),
            ("<hostdev type='usb'><source><address bus='1' device='5'/></source></hostdev>", false),
            ("<memory model='nvdimm'><source><path>/t/n</path></source><target/></memory>", true),
            ("<memory model='virtio-pmem'><source><path>/t/n</path></source><target/></memory>", true),
            ("<memory model='nvdimm'><source><path>/t/n</path></source><target><readonly/></target></memory>", false),
            ("<memory model='dimm'><target/></memory>", false),
            ("<filesystem type='mount'><driver type='virtiofs'/><source dir='/t'/></filesystem>", false),
        ])
    func hostDevice(xml: String, isFound: Bool) throws {
        try withScratchFolder { scratch in
            try scratch.write("bus/pci/devices/0000:01:00.0/class", "0x010802\n")
            try scratch.write("bus/pci/devices/0000:02:00.1/class", "0x030000\n")
            for (name, number, interface) in [("1-1", "4\n", "08\n"), ("1-2", "5\n", "03\n")] {
                try scratch.write("bus/usb/devices/\(name)/busnum", "1\n")
                try scratch.write("bus/usb/devices/\(name)/devnum", number)
                try scratch.write("bus/usb/devices/\(name):1.0/bInterfaceClass", interface)
            }
            let domain = try XMLElement.parse("<domain><devices>\(xml)</devices></domain>")
            let found = UnnamedDisk.find(in: domain, host: HostDevices(root: scratch.path))
            #expect(found.isEmpty == !isFound)
        }
    }

    @Test("is what <qemu:override> gives a device for a drive", arguments: [("drive", true), ("bootindex", false)])
    func override(property: String, isFound: Bool) throws {
        let domain = try XMLElement.parse(
            "<domain><qemu:override><qemu:device alias='a'><qemu:frontend><qemu:property name='\(property)' type='string' "
                + "value='x'/></qemu:frontend></qemu:device></qemu:override></domain>")
        #expect(UnnamedDisk.find(in: domain).isEmpty == !isFound)
    }
}
