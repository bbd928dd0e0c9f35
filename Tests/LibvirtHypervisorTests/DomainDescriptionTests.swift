import Hypervisor
import Testing
import XMLTree

@testable import LibvirtHypervisor

@Suite("A domain's XML")
struct DomainDescriptionTests {
    /// A case of the table below: a `<disk>` and what is to be read from it.
    struct Sample: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let xml: String
        let chain: [String]
        var format = "raw"
        var lowerFormats: [String: String]?
        var exclusion: Disk.Exclusion?
        var refusal: String?
    }

    static let samples = [
        Sample(
            testDescription: "a file", xml: "<disk type='file' device='disk'><source file='/tank/a.raw'/>",
            chain: ["/tank/a.raw"]),
        Sample(
            testDescription: "a backing chain",
            xml: """
                <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/tank/top.qcow2'/>
                <backingStore type='file'><format type='qcow2'/><source file='/tank/middle.qcow2'/>
                <backingStore type='block'><format type='raw'/><source dev='/dev/zvol/tank/base'/><backingStore/>
                </backingStore></backingStore>
                """,
            chain: ["/tank/top.qcow2", "/tank/middle.qcow2", "/dev/zvol/tank/base"], format: "qcow2",
            lowerFormats: ["/tank/middle.qcow2": "qcow2", "/dev/zvol/tank/base": "raw"]),
        Sample(
            testDescription: "a chain with a network image in it",
            xml: """
                <disk type='file'><driver type='qcow2'/><source file='/a'/>
                <backingStore type='network'><source protocol='nbd' name='x'/>
                <backingStore type='file'><source file='/b'/></backingStore></backingStore>
                """, chain: ["/a", "/b"], format: "qcow2"),
        Sample(
            testDescription: "a block device", xml: "<disk type='block' device='disk'><source dev='/dev/zd0'/>",
            chain: ["/dev/zd0"]),
        Sample(
            testDescription: "a LUN", xml: "<disk type='block' device='lun'><source dev='/dev/sdb'/>",
            chain: ["/dev/sdb"],
            refusal: "vdb cannot be moved to an overlay: libvirt makes no overlay over a passed-through LUN"),
        Sample(
            testDescription: "a LUKS container",
            xml: "<disk type='file'><source file='/a'><encryption format='luks'/></source>", chain: ["/a"],
            refusal: "vdb cannot be moved to an overlay: it is encrypted, and its overlay would hold plain text"),
        Sample(
            testDescription: "data in a file of its own",
            xml: "<disk type='file'><driver type='qcow2'/><source file='/a'><dataStore type='file'><format type='raw'/>"
                + "<source file='/tank/d'/></dataStore></source>", chain: ["/a", "/tank/d"], format: "qcow2",
            refusal: "vdb cannot be moved to an overlay: its data is in another file, which may lie elsewhere"),
        Sample(
            testDescription: "a transient disk", xml: "<disk type='file'><source file='/a'/><transient/>",
            chain: ["/a"],
            exclusion: .transient),
        Sample(
            testDescription: "a volume of a pool of network images",
            xml: "<disk type='volume'><source pool='rbd' volume='web'/>", chain: [], exclusion: .remote),
        Sample(
            testDescription: "a volume that cannot be found",
            xml: "<disk type='volume'><source pool='gone' volume='w'/>",
            chain: [], refusal: "vdb has an image that cannot be found: no pool gone"),
        Sample(
            testDescription: "a CD-ROM in a pool that is gone",
            xml: "<disk type='volume' device='cdrom'><source pool='gone' volume='w'/>", chain: [], exclusion: .cdrom),
        Sample(
            testDescription: "a read-only disk in a pool that is gone",
            xml: "<disk type='volume'><source pool='gone' volume='w'/><readonly/>", chain: [], exclusion: .readOnly),
        Sample(
            testDescription: "a chain that ends in a volume that cannot be found",
            xml:
                "<disk type='file'><driver type='qcow2'/><source file='/a'/><backingStore type='volume'><format type='raw'/>"
                + "<source pool='gone' volume='w'/></backingStore>", chain: ["/a"], format: "qcow2"),
        Sample(
            testDescription: "a volume", xml: "<disk type='volume'><source pool='a&amp;b' volume='web 1'/>",
            chain: ["/pools/a&b/web 1"]),
        Sample(
            testDescription: "a volume without a pool", xml: "<disk type='volume'><source volume='web'/>", chain: [],
            exclusion: .remote),
        Sample(
            testDescription: "a network disk", xml: "<disk type='network'><source protocol='rbd' name='p/i'/>",
            chain: [], exclusion: .remote),
        Sample(
            testDescription: "a read-only disk", xml: "<disk type='file'><source file='/a'/><readonly/>",
            chain: ["/a"], exclusion: .readOnly),
        Sample(
            testDescription: "a CD-ROM",
            xml: "<disk type='file' device='cdrom'><source file='/a.iso'/><readonly/>", chain: ["/a.iso"],
            exclusion: .cdrom),
        Sample(
            testDescription: "an empty CD-ROM", xml: "<disk type='file' device='cdrom'><readonly/>", chain: [],
            exclusion: .cdrom),
        Sample(
            testDescription: "a floppy", xml: "<disk type='file' device='floppy'><source file='/a'/>", chain: ["/a"],
            exclusion: .floppy),
        Sample(
            testDescription: "a shareable disk", xml: "<disk type='file'><source file='/a'/><shareable/>",
            chain: ["/a"], exclusion: .shareable),
        Sample(
            testDescription: "a path with spaces, commas and quotes",
            xml: "<disk type='file'><source file='/tank/my disk, &quot;old&quot; &lt;é&gt;.raw'/>",
            chain: ["/tank/my disk, \"old\" <é>.raw"]),
    ]

    static func read(_ xml: String) throws -> DomainDescription {
        try DomainDescription(xml: xml) { pool, volume in
            if pool == "gone" { throw HypervisorError(.callFailed, "no pool gone", remedy: .fallBack) }
            return pool == "rbd" ? "\(pool)/\(volume)" : "/pools/\(pool)/\(volume)"
        }
    }

    static func domain(name: String = "web01", disks: String = "", channels: String = "") -> String {
        let escaped = XMLElement("name", text: name).description
        return """
            <domain type='kvm' id='3'>\(escaped)<uuid>c0ffee00-0000-4000-8000-000000000001</uuid>
            <devices>\(disks)\(channels)</devices></domain>
            """
    }

    @Test("says where a disk's data is and whether it may be moved to an overlay", arguments: samples)
    func disk(sample: Sample) throws {
        let description = try Self.read(Self.domain(disks: sample.xml + "<target dev='vdb' bus='virtio'/></disk>"))
        let expected = Disk(
            target: "vdb", chain: sample.chain, format: sample.format, lowerFormats: sample.lowerFormats,
            exclusion: sample.exclusion,
            refusal: sample.refusal)
        #expect(description.disks.map(\.disk) == [expected])
        #expect(description.disk("vdb")?.mirror == nil)
        #expect(description.disk("vda") == nil)
    }

    @Test("has the title that an administrator gave it, as it is")
    func title() throws {
        let own = { (title: String) in Self.domain().replacing("<devices>", with: "\(title)<devices>") }
        #expect(try Self.read(own("<title> Shop &amp; (büro)</title>")).machine(.running).title == " Shop & (büro)")
        #expect(try Self.read(own("<title><![CDATA[a]]></title>")).title == "a")
        #expect(try Self.read(own("<metadata><title>other</title></metadata>")).title == nil)
        #expect(try Self.read(Self.domain()).machine(.running).with(disks: []).title == nil)
        #expect(try Self.read(own("<title>x</title>")).machine(.running).with(disks: []).title == "x")
    }

    @Test(
        "says how far a commit of a disk is",
        arguments: [
            ("", nil), ("<mirror type='file' job='active-commit'><source file='/b'/></mirror>", .running),
            ("<mirror type='file' job='active-commit' ready='yes'/>", .ready),
            ("<mirror type='file' ready='abort'/>", .ending), ("<mirror type='file' ready='pivot'/>", .pivoting),
            ("<mirror type='file' job='copy' ready='yes'><source file='/b'/></mirror>", .foreign),
            ("<mirror type='file' job='active-commit' ready='yes'><source file='/c'/></mirror>", .foreign),
        ] as [(String, DomainDisk.Mirror?)])
    func mirror(element: String, expected: DomainDisk.Mirror?) throws {
        let disk = """
            <disk type='file'><source file='/a'/><backingStore type='file'><source file='/b'/></backingStore>\(element)
            <target dev='vda'/></disk>
            """
        let description = try Self.read(Self.domain(disks: disk))
        #expect(description.disk("vda")?.mirror == expected)
        #expect(description.disk("vda")?.disk.chain == ["/a", "/b"])
    }

    @Test(
        "says whether the guest agent is there",
        arguments: [
            ("", .none), ("<target type='virtio' name='com.redhat.spice.0' state='connected'/>", .none),
            ("<target type='virtio' name='org.qemu.guest_agent.0'/>", .disconnected),
            ("<target type='virtio' name='org.qemu.guest_agent.0' state='disconnected'/>", .disconnected),
            ("<target type='virtio' name='org.qemu.guest_agent.0' state='connected'/>", .connected),
        ] as [(String, DomainDescription.AgentChannel)])
    func agent(target: String, expected: DomainDescription.AgentChannel) throws {
        let channels = "<channel type='spicevmc'><target name='x'/></channel><channel type='unix'>\(target)</channel>"
        #expect(try Self.read(Self.domain(channels: channels)).agent == expected)
    }

    @Test(
        "keeps a name exactly as it is",
        arguments: [
            "../../etc/x", "a\"b'c", "two\nlines", "<b>&amp;", " leading and trailing ",
            String(repeating: "n", count: 200), "日本語",
        ])
    func name(name: String) throws {
        let description = try Self.read(Self.domain(name: name))
        #expect(description.name == name)
        #expect(description.uuid == "c0ffee00-0000-4000-8000-000000000001")
    }

    @Test(
        "is refused without an identity",
        arguments: ["<domain><name>a</name></domain>", "<domain><uuid>1</uuid></domain>", "<domain/>"])
    func nameless(xml: String) {
        let error = #expect(throws: HypervisorError.self) { try Self.read(xml) }
        #expect(error?.remedy == .stop)
    }

    @Test("is refused when it is no XML", arguments: ["", "<domain>", "<domain></name></domain>"])
    func broken(xml: String) {
        #expect(throws: (any Error).self) { try Self.read(xml) }
    }

    @Test("without devices has no disks and no agent")
    func bare() throws {
        let description = try Self.read("<domain><name>a</name><uuid>1</uuid></domain>")
        #expect(description.disks.isEmpty)
        #expect(description.agent == .none)
    }

    @Test("says of a VM which writable disks have a place that is not known, and falls back for them")
    func unresolved() throws {
        let disks = """
            <disk type='file'><source file='/a'/><target dev='vda'/></disk>
            <disk type='volume'><source pool='gone' volume='v'/><target dev='vdb'/></disk>
            <disk type='volume' device='cdrom'><source pool='gone' volume='v'/><target dev='sda'/></disk>
            <disk type='brandnew'><source thing='v'/><target dev='vdc'/></disk>
            """
        let description = try Self.read(Self.domain(disks: disks))
        let machine = description.machine(.running)
        #expect(
            machine.unresolved == [
                "vdb has an image that cannot be found: no pool gone",
                "vdc cannot be moved to an overlay: its definition says something of it that Stillpoint does not know "
                    + "(type='brandnew')",
            ])
        #expect(machine.disks.map(\.target) == ["vda", "vdb", "sda", "vdc"])
        let error = #expect(throws: HypervisorError.self) { try description.requireHoldable("vda") }
        #expect(error?.remedy == .fallBack)
        #expect(error?.message == machine.unresolved?.first)
    }

    @Test("has the disks that no <disk> names among its disks, and falls back for them")
    func unnamed() throws {
        let xml = """
            <domain xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><name>a</name><uuid>1</uuid><devices>
            <disk type='file'><source file='/a'/><target dev='vda'/></disk></devices><qemu:commandline>
            <qemu:arg value='-drive'/><qemu:arg value='file=/tank/b.raw,if=virtio'/></qemu:commandline></domain>
            """
        let description = try Self.read(xml)
        #expect(description.machine(.off).disks.map(\.chain) == [["/a"], ["/tank/b.raw"]])
        #expect(description.machine(.off).unresolved == nil)
        #expect(description.disks.count == 1)
        let error = #expect(throws: HypervisorError.self) { try description.requireHoldable("vda") }
        #expect(error?.message.contains("-drive file=/tank/b.raw") == true)
    }

    @Test("that names only what can be moved to an overlay is no obstacle")
    func holdable() throws {
        let disks = "<disk type='file'><source file='/a'/><target dev='vda'/></disk>"
        let description = try Self.read(Self.domain(disks: disks))
        #expect(throws: Never.self) { try description.requireHoldable("vda") }
        #expect(description.machine(.running).unresolved == nil)
    }
}
