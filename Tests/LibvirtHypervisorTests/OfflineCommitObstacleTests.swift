import Hypervisor
import TestSupport
import Testing
import XMLTree

@testable import LibvirtHypervisor

@Suite("A base that qemu-img would write to")
struct OfflineCommitObstacleTests {
    private static func held(_ definition: String? = nil, format: String = "raw", base: String = "/t/a") -> OverlayDisk
    {
        OverlayDisk(target: "vda", base: base, baseFormat: format, overlay: "/o/a.qcow2", definition: definition)
    }

    /// A domain on the overlay, as libvirt leaves its definition.
    private static func domain(below: String) throws -> XMLElement {
        try XMLElement.parse(
            "<domain><name>n</name><devices><disk type='file'><driver name='qemu' type='qcow2'/>"
                + "<source file='/o/a.qcow2'/>\(below)<target dev='vda'/></disk></devices></domain>")
    }

    private static func disk(_ source: String) -> String {
        "<disk type='file'><driver name='qemu' type='raw'/><source file='/t/a'>\(source)</source><target dev='vda'/></disk>"
    }

    private static func layer(_ source: String, format: String = "raw") -> String {
        "<backingStore type='file'><format type='\(format)'/><source file='/t/a'>\(source)</source></backingStore>"
    }

    @Test(
        "is judged by its definition before the freeze",
        arguments: [
            (disk(""), true), (disk("<seclabel model='dac' relabel='no'/>"), true),
            (disk("<encryption format='luks'/>"), false), (disk("<slices/>"), false), (disk("<new/>"), false),
            ("<disk", false),
        ])
    func kept(definition: String, isUnderstood: Bool) throws {
        // What the domain says now is beside the point.
        #expect((Self.held(definition).obstacleToOfflineCommit([]) == nil) == isUnderstood)
    }

    @Test(
        "of a version that kept none is judged by what libvirt wrote below the overlay",
        arguments: [
            (layer(""), true), (layer("<encryption format='luks'/>"), false), (layer("<slices/>"), false),
            (layer("", format: "vmdk"), false), ("", false), (layer("").replacing("/t/a", with: "/t/other"), false),
        ])
    func old(below: String, isUnderstood: Bool) throws {
        let obstacle = Self.held().obstacleToOfflineCommit([try Self.domain(below: below)])
        #expect((obstacle == nil) == isUnderstood, "\(obstacle ?? "")")
    }

    @Test("that nothing is known of is left, with the files and the way out")
    func nothingKnown() {
        let error = #expect(throws: HypervisorError.self) {
            try requireUnderstood([Self.held()], by: [], name: "web01")
        }
        #expect(error?.remedy == .stop)
        for part in ["vda of web01", "/t/a", "/o/a.qcow2", "start it, then: stillpoint recover"] {
            #expect(error?.message.contains(part) == true, "\(part)")
        }
        let undefined = #expect(throws: HypervisorError.self) {
            try requireUnderstood([Self.held()], by: [], name: nil)
        }
        #expect(undefined?.message.contains("define the VM again") == true)
    }

    @Test("is left where its own header says that it is encrypted or lies elsewhere", arguments: [(35, 2), (79, 4)])
    func header(offset: Int, value: UInt8) throws {
        try withScratchFolder { scratch in
            var bytes = HeaderFixture().bytes
            let path = try scratch.write("a.qcow2", bytes)
            let disk = "<disk type='file'><driver type='qcow2'/><source file='\(path)'/><target dev='vda'/></disk>"
            let held = Self.held(disk, format: "qcow2", base: path)
            #expect(held.obstacleToOfflineCommit([]) == nil)
            bytes[offset] = value
            try scratch.write("a.qcow2", bytes)
            #expect(held.obstacleToOfflineCommit([]) != nil)
        }
    }
}
