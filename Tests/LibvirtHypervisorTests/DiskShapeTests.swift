import DiskLocation
import Hypervisor
import TestSupport
import Testing
import XMLTree

@testable import LibvirtHypervisor

@Suite("A disk's shape")
struct DiskShapeTests {
    struct Sample: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let xml: String
        let handling: DiskHandling
        var header: ImageHeader?

        init(_ xml: String, _ handling: DiskHandling, header: ImageHeader? = nil) {
            testDescription = xml
            self.xml = xml
            self.handling = handling
            self.header = header
        }
    }

    private static func file(_ source: String = "", format: String = "raw", more: String = "") -> String {
        "<disk type='file' device='disk'><driver name='qemu' type='\(format)'/><source file='/t/a'>\(source)</source>"
            + "<target dev='vda' bus='virtio'/>\(more)</disk>"
    }

    private static func disk(_ attributes: String, _ children: String) -> String {
        "<disk \(attributes)>\(children)<target dev='vda'/></disk>"
    }

    private static func layer(_ layer: String) -> String { file(format: "qcow2", more: layer) }

    static let handled = [
        file(), file(format: "qcow2"), "<disk><source file='/t/a'/><target dev='vda'/></disk>",
        disk("type='block'", "<source dev='/dev/zvol/t/a'/>"),
        disk("type='block' snapshot='no' model='virtio'", "<source dev='/dev/zd0' index='3'/>"),
        disk("type='volume'", "<source pool='p' volume='v' mode='host'/>"),
        file("<seclabel model='dac' relabel='no'/>"),
        file("<seclabel model='selinux' relabel='yes'><label>system_u:object_r:x:s0</label></seclabel>"),
        disk("type='file'", "<source file='/t/a' startupPolicy='optional'/>"),
        disk(
            "type='file'",
            "<driver name='qemu' type='qcow2' cache='none' io='threads' copy_on_read='on' discard='unmap' iothread='1' "
                + "detect_zeroes='unmap' queues='4' discard_no_unref='on'><metadata_cache><max_size unit='bytes'>1"
                + "</max_size></metadata_cache></driver><source file='/t/a'/>"),
        file(
            more:
                "<iotune><total_bytes_sec>1</total_bytes_sec></iotune><blockio/><geometry/><serial>1</serial><wwn>5</wwn>"
                + "<vendor>a</vendor><product>b</product><boot order='1'/><address type='pci'/><alias name='a'/>"),
        layer(
            "<backingStore type='file' index='2'><format type='raw'/><source file='/t/b'><seclabel model='dac'/></source>"
                + "<backingStore/></backingStore>"),
        layer("<backingStore type='block'><format type='raw'/><source dev='/dev/zd1'/></backingStore>"),
        layer("<backingStore type='volume'><format type='qcow2'/><source pool='p' volume='v'/></backingStore>"),
    ].map { Sample($0, .liveAndOffline) }

    static let liveOnly = [
        layer("<backingStore type='network'><format type='raw'/><source protocol='nbd' name='x'/></backingStore>"),
        layer(
            "<backingStore type='file'><format type='qcow2'/><source file='/t/b'/><backingStore type='nvme'>"
                + "<format type='raw'/><source type='pci'/></backingStore></backingStore>"),
        layer(
            "<backingStore type='file'><format type='raw'/><source file='/t/b'><encryption format='luks'/></source>"
                + "</backingStore>"),
        layer(
            "<backingStore type='file'><format type='raw'/><source file='/t/b'><slices/></source></backingStore>"),
        layer("<backingStore type='file'><format type='raw'/><source file='/t/b'/><new/></backingStore>"),
        disk("type='file'", "<driver name='qemu' type='raw' compress='on'/><source file='/t/a'/>"),
        disk("type='file'", "<driver name='qemu' type='raw'><filter/></driver><source file='/t/a'/>"),
    ].map { Sample($0, .liveOnly) }

    static let refused =
        [
            file("<encryption format='luks'><secret type='passphrase' uuid='u'/></encryption>"),
            file("<encryption format='luks'/>", format: "qcow2"),
            file(format: "qcow2", more: "<encryption format='qcow'/>"),
            file("<encryption format='luks2' engine='librbd'/>"),
            file("<slices><slice type='storage' offset='1048576' size='4096'/></slices>"),
            file("<dataStore type='file'><format type='raw'/><source file='/t/b'/></dataStore>", format: "qcow2"),
            file("<somethingNew/>"), file(more: "<somethingNew/>"), file("<auth username='a'/>"),
            file(more: "<mirror type='file' job='copy'><source file='/t/b'/></mirror>"),
            disk("type='block'", "<source dev='/dev/sdb'><reservations managed='yes'/></source>"),
            disk("type='block' device='lun'", "<source dev='/dev/sdb'/>"),
            disk("type='block' device='lun' sgio='unfiltered'", "<source dev='/dev/sdb'/>"),
            disk("type='block' device='lun' rawio='yes'", "<source dev='/dev/sdb'/>"),
            disk("type='file'", "<source file='/t/a' fdgroup='g'/>"),
            disk("type='file'", "<source file='/t/a' newAttribute='1'/>"),
            disk("type='file' newAttribute='1'", "<source file='/t/a'/>"),
            disk("type='block'", "<driver name='phy' type='raw'/><source dev='/dev/zd0'/>"),
            disk("type='brandnew'", "<source thing='a'/>"), disk("type='file' device='tape'", "<source file='/t/a'/>"),
            file("<privateData/>"),
        ].map { Sample($0, .refused) }
        + ["qed", "vmdk", "vdi", "vpc", "vhdx", "luks", "parallels", "fat", "iso"].map {
            Sample(file(format: $0), .refused)
        } + [
            Sample(file(format: "qcow2"), .refused, header: header(at: 32, 2)),
            Sample(file(format: "qcow2"), .refused, header: header(at: 72, 4)),
        ]

    /// With one number of it changed: the encryption, or the features.
    private static func header(at place: Int, _ value: UInt64) -> ImageHeader? {
        var fixture = HeaderFixture()
        fixture.changes = [(place, HeaderFixture.bytes(value, place == 72 ? 8 : 4))]
        return try? ImageHeader(bytes: fixture.bytes)
    }

    static let leftAlone =
        [
            Sample(disk("type='file' device='cdrom'", "<source file='/t/a.iso'/>"), .excluded(.cdrom)),
            Sample(disk("type='volume' device='cdrom'", "<source pool='p' volume='v'/>"), .excluded(.cdrom)),
            Sample(disk("type='file' device='cdrom'", ""), .excluded(.cdrom)),
            Sample(disk("type='file' device='floppy'", "<source file='/t/a'/>"), .excluded(.floppy)),
            Sample(file(more: "<readonly/>"), .excluded(.readOnly)),
            Sample(file("<encryption format='luks'/>", more: "<readonly/>"), .excluded(.readOnly)),
            Sample(file(more: "<transient/>"), .excluded(.transient)),
            Sample(file(more: "<transient shareBacking='yes'/>"), .excluded(.transient)),
            Sample(file(more: "<shareable/>"), .excluded(.shareable)),
            Sample(disk("type='dir'", "<source dir='/t'/>"), .excluded(.readOnly)),
            Sample(disk("type='nvme'", "<source type='pci' namespace='1'/>"), .excluded(.remote)),
            Sample(disk("type='vhostuser'", "<source type='unix' path='/s'/>"), .excluded(.remote)),
            Sample(disk("type='vhostvdpa'", "<source dev='/dev/vhost-vdpa-0'/>"), .excluded(.remote)),
            Sample(disk("type='file'", ""), .excluded(.remote)),
            Sample(disk("type='volume'", "<source volume='v'/>"), .excluded(.remote)),
        ]
        + ["nbd", "iscsi", "rbd", "sheepdog", "gluster", "http", "https", "ftp", "ftps", "tftp", "ssh", "nfs", "vxhs"]
        .map {
            Sample(
                disk(
                    "type='network'",
                    "<source protocol='\($0)' name='x'><host name='h'/><auth username='a'/><initiator/><cookies/><ssl/></source>"
                ),
                .excluded(.remote))
        }

    static let samples = handled + liveOnly + refused + leftAlone

    private func shape(_ sample: Sample) throws -> DiskShape {
        DiskShape(DiskElement(element: try XMLElement.parse(sample.xml), header: sample.header))
    }

    @Test("decides what is done with it", arguments: samples)
    func handling(sample: Sample) throws {
        let shape = try shape(sample)
        #expect(shape.handling == sample.handling, "\(shape.rule.shape)")
        #expect((shape.refusal != nil) == (sample.handling == .refused))
        #expect(shape.refusal?.hasPrefix("vda cannot be moved to an overlay: ") ?? true)
        #expect((shape.obstacleToOfflineCommit == nil) == (sample.handling == .liveAndOffline))
    }

    @Test("says what it is that is not known")
    func unknown() throws {
        let shape = try shape(Sample(Self.file("<somethingNew/>"), .refused))
        #expect(shape.refusal?.hasSuffix("(<somethingNew> in <source>)") == true, "\(shape.refusal ?? "")")
    }

    @Test("is in a row that some sample meets", arguments: DiskRule.table.map(\.shape))
    func everyRow(name: String) throws {
        let met = try Self.samples.filter { try shape($0).rule.shape == name }
        #expect(!met.isEmpty)
    }

    @Test("is documented row by row as it is handled")
    func documented() throws {
        let rows = DiskRule.table.map { rule in
            let handling =
                switch rule.handling {
                case .liveAndOffline: "live and offline"
                case .liveOnly: "live only"
                case .excluded: "excluded"
                case .refused: "refused"
                }
            return "| \(rule.shape) | \(handling) |\(rule.reason.isEmpty ? "" : " " + rule.reason) |"
        }
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let text = String(decoding: try readFile("/\(root)/docs/disks.md"), as: UTF8.self)
        #expect(text.split(separator: "\n").filter { $0.hasPrefix("| ") }.dropFirst().map(String.init) == rows)
    }
}
