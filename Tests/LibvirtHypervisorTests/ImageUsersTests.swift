import Glibc
import Hypervisor
import TestSupport
import Testing
import XMLTree

@testable import LibvirtHypervisor

@Suite("Somebody else who has an image")
struct ImageUsersTests {
    @Test("is found wherever a definition names it")
    func definitions() throws {
        let domain = try XMLElement.parse(
            """
            <domain xmlns:qemu="http://libvirt.org/schemas/domain/qemu/1.0"><devices>
              <disk type="file"><driver type="raw"/><source file="/tank/a.raw"/><target dev="vda"/></disk>
              <disk type="block"><source dev="/dev/zvol/tank/b"/><target dev="vdb"/>
                <backingStore type="file"><source file="/tank/below.qcow2"/></backingStore></disk>
              <disk type="volume"><source pool="p" volume="v.raw"/><target dev="vdc"/></disk>
              <disk type="volume"><source pool="gone" volume="lost.raw"/><target dev="vdd"/></disk>
              <disk type="file"><source file="/tank/c.qcow2"><dataStore type="file"><source file="/tank/c.data"/>
                </dataStore></source><target dev="vde"/><mirror type="file"><source file="/tank/copy.raw"/></mirror></disk>
            </devices><qemu:commandline><qemu:arg value="-drive"/>
              <qemu:arg value="if=none,file=/tank/arg.raw,format=raw"/></qemu:commandline></domain>
            """)
        let uses = ImageUse.all(in: domain) { pool, volume in pool == "p" ? "/pool/\(volume)" : nil }
        #expect(
            uses == [
                ImageUse(target: "vda", images: ["/tank/a.raw"]),
                ImageUse(target: "vdb", images: ["/dev/zvol/tank/b", "/tank/below.qcow2"]),
                ImageUse(target: "vdc", images: ["/pool/v.raw"]),
                ImageUse(target: "vdd", images: ["lost.raw"]),
                ImageUse(target: "vde", images: ["/tank/c.qcow2", "/tank/c.data", "/tank/copy.raw"]),
                ImageUse(target: "command line", images: ["/tank/arg.raw"]),
            ])
    }

    @Test("is found by what the file is, whatever its path")
    func identity() throws {
        try withScratchFolder { scratch in
            let file = try scratch.write("a.raw", "")
            let other = try scratch.write("b.raw", "")
            #expect(symlink(file, scratch.path + "/link") == 0)
            #expect(link(file, scratch.path + "/hard") == 0)
            let identity = try #require(ImageIdentity(file))
            for path in ["/link", "/hard", "/./a.raw"] { #expect(ImageIdentity(scratch.path + path) == identity) }
            #expect(ImageIdentity(other) != identity)
            #expect(ImageIdentity(scratch.path) == nil)
            #expect(ImageIdentity("b.raw") == nil)
            #expect(!ImageIdentity.isClaimedDevice(file))
        }
    }

    @Test(
        "is a process that may write to it, or any of QEMU's",
        arguments: [
            ("cp", "02", true), ("cp", "0100000", false), ("qemu-nbd", "0100000", true),
            ("qemu-system-x86", "02", true),
        ])
    func processes(name: String, flags: String, isFound: Bool) throws {
        try withScratchFolder { scratch in
            let file = try scratch.write("a.raw", "")
            try scratch.write("proc/4711/comm", name + "\n")
            try scratch.write("proc/4711/fdinfo/3", "pos:\t0\nflags:\t\(flags)\n")
            try scratch.folder("proc/4711/fd")
            #expect(symlink(file, scratch.path + "/proc/4711/fd/3") == 0)
            try scratch.write("proc/\(getpid())/comm", "self")
            let found = ImageProcesses.all(proc: scratch.path + "/proc")
            #expect(found.map(\.id) == [4711])
            #expect(found.first?.images.contains(try #require(ImageIdentity(file))) == isFound)
        }
    }

    @Test("is a loop device over it")
    func loops() throws {
        try withScratchFolder { scratch in
            try scratch.write("sys/block/loop3/loop/backing_file", "/tank/a b.raw\n")
            try scratch.folder("sys/block/loop4")
            try scratch.folder("sys/block/sda")
            let all = LoopDevices.all(sys: scratch.path + "/sys")
            #expect(all.map(\.name) == ["loop3"])
            #expect(all.map(\.backing) == ["/tank/a b.raw"])
        }
    }
}

@Suite("The QEMU of a domain")
struct QEMUProcessTests {
    @Test("is known to be the one that was frozen by its age")
    func age() throws {
        try withScratchFolder { scratch in
            try scratch.write("web01.pid", "\(getpid())\n")
            let process = try #require(QEMUProcess(domain: "web01", run: scratch.path))
            let now = Int64(Glibc.time(nil))
            #expect(process.isOlder(than: now + 1))
            #expect(!process.isOlder(than: now - 100_000_000))
            #expect(QEMUProcess(domain: "web02", run: scratch.path) == nil)
        }
    }

    @Test(
        "runs since before the run or not: its time is in the snapshot's name",
        arguments: [
            ("stillpoint-20261121T110000Z-1f3c9a", 1_795_258_800), ("stillpoint-1", nil), ("", nil),
            ("stillpoint-20261121X110000Z-1f3c9a", nil),
        ] as [(String, Int64?)])
    func time(name: String, expected: Int64?) {
        #expect(runTime(inName: name) == expected)
    }
}
