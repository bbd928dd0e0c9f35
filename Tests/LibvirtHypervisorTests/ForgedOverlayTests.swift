import DiskLocation
import Glibc
import Hypervisor
import Support
import TestSupport
import Testing
import XMLTree

@testable import LibvirtHypervisor

/// An overlay is QEMU's to write while its VM runs, and so is the base. Whoever has QEMU's rights gets nothing from the
/// qemu-img that root runs on them later.
@Suite("A forged overlay", .enabled(if: OverlayFileTests.hasQemuImg))
struct ForgedOverlayTests {
    private struct Held {
        let scratch: ScratchFolder
        let secret: String
        var disk: OverlayDisk

        init(_ scratch: ScratchFolder, baseFormat: String = "raw") async throws {
            self.scratch = scratch
            secret = try scratch.write("shadow", "TOPSECRET-of-root", mode: 0o600)
            let base = try scratch.write("base", [UInt8](repeating: 7, count: 1 << 20))
            if baseFormat == "qcow2" { ForgedOverlayTests.shell("qemu-img create -q -f qcow2 \(base) 1M") }
            disk = OverlayDisk(
                target: "vda", base: base, baseFormat: baseFormat, overlay: scratch.path + "/over.qcow2",
                definition: """
                    <disk type='file'><driver name='qemu' type='\(baseFormat)'/><source file='\(base)'/>\
                    <target dev='vda'/></disk>
                    """)
            try await OverlayFile.create(disk, capacity: 1 << 20, run: OverlayFileTests.run)
            ForgedOverlayTests.shell("qemu-io -f qcow2 -c 'write -P 9 512k 512' \(disk.overlay)")
            disk.baseAtRest = ImageStamp.read(base)
        }

        func commit() async throws {
            let journal = FreezeStateJournal(FreezeState(step: .releasing, snapshot: "s", disks: [disk])) { _ in }
            let offline = OfflineCommit(
                connection: try Connection(uri: "test:///default"), machineID: "u-1", domain: nil,
                limit: .seconds(20), journal: journal)
            _ = try await offline.run([OfflineCommit.Item(disk: disk, isOrphan: true)], .off)
        }

        /// The commit is refused within seconds, and nothing was written.
        func expectRefusal(_ reason: String, sourceLocation: SourceLocation = #_sourceLocation) async throws {
            let before = try readFile(disk.base)
            let start = ContinuousClock.now
            let error = await #expect(throws: HypervisorError.self, sourceLocation: sourceLocation) {
                try await commit()
            }
            #expect(start.duration(to: .now) < .seconds(5), sourceLocation: sourceLocation)
            #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")", sourceLocation: sourceLocation)
            #expect(error?.remedy == .stop, sourceLocation: sourceLocation)
            #expect(try readFile(disk.base) == before, sourceLocation: sourceLocation)
            #expect(try readFile(secret) == Array("TOPSECRET-of-root".utf8), sourceLocation: sourceLocation)
        }

        func forge(_ change: (inout HeaderFixture) -> Void) throws {
            var fixture = HeaderFixture(backing: disk.base, format: disk.baseFormat)
            change(&fixture)
            try scratch.write("over.qcow2", fixture.bytes)
        }
    }

    fileprivate static func shell(_ command: String) {
        #expect(system("{ " + command + "; } >/dev/null 2>&1") == 0, "\(command)")
    }

    @Test("with a data file, another base or another format of it, encrypted or with snapshots is not committed")
    func headers() async throws {
        try await withScratchFolder { scratch in
            let held = try await Held(scratch)
            try held.forge {
                $0.features = 4
                $0.extensions = [(0x4441_5441, Array(held.secret.utf8))]
            }
            try await held.expectRefusal("names a data file")
            try held.forge { $0.backing = held.secret }
            try await held.expectRefusal("below its overlay is \(held.secret)")
            try held.forge { $0.format = "qcow2" }
            try await held.expectRefusal("calls \(held.disk.base) qcow2, and it is raw")
            try held.forge { $0.format = nil }
            try await held.expectRefusal("of no format")
            try held.forge { $0.changes = [(32, [0, 0, 0, 1])] }
            try await held.expectRefusal("is encrypted")
            try held.forge { $0.changes = [(60, [0, 0, 0, 1, 0, 0, 0, 0, 0, 2, 0, 0])] }
            try await held.expectRefusal("internal snapshots")
            try held.forge { $0.features = 2 }
            try await held.expectRefusal("marked corrupt")
            try held.forge { $0.features = 1 << 40 }
            try await held.expectRefusal("features that are not known")
        }
    }

    @Test("is not the only one: a qcow2 base whose header was given a data file or a base is not committed into")
    func base() async throws {
        try await withScratchFolder { scratch in
            let held = try await Held(scratch, baseFormat: "qcow2")
            try await held.commit()
            for (reason, fixture) in [
                ("names a data file", HeaderFixture()),
                ("is not known", HeaderFixture(backing: held.secret, format: "raw")),
            ] {
                var held = held
                var fixture = fixture
                if reason == "names a data file" { fixture.extensions = [(0x4441_5441, Array(held.secret.utf8))] }
                try scratch.write("base", fixture.bytes)
                held.disk = OverlayDisk(
                    target: "vda", base: held.disk.base, baseFormat: "qcow2", overlay: held.disk.overlay,
                    definition: held.disk.definition, below: [])
                held.disk.baseAtRest = ImageStamp.read(held.disk.base)
                let error = await #expect(throws: HypervisorError.self) { try await held.commit() }
                #expect("\(error.map { "\($0)" } ?? "")".contains(reason) || reason == "names a data file")
                #expect(try readFile(held.secret) == Array("TOPSECRET-of-root".utf8))
                #expect(try readFile(held.disk.base) == fixture.bytes)
            }
        }
    }

    @Test("whose raw base looks like a qcow2 image is committed into that as raw")
    func rawBase() async throws {
        try await withScratchFolder { scratch in
            var held = try await Held(scratch)
            var header = HeaderFixture()
            header.clusters = 16
            header.features = 4
            header.extensions = [(0x4441_5441, Array(held.secret.utf8))]
            try scratch.write("base", header.bytes)
            held.disk.baseAtRest = ImageStamp.read(held.disk.base)
            try await held.commit()
            let base = try readFile(held.disk.base)
            #expect(base[512 << 10] == 9)
            #expect(base.starts(with: header.bytes[..<4096]))
            #expect(try readFile(held.secret) == Array("TOPSECRET-of-root".utf8))
        }
    }

    @Test("is root's alone while it is committed, and given back where that was refused")
    func taken() async throws {
        try await withScratchFolder { scratch in
            let held = try await Held(scratch)
            Self.shell("chown 65534:65534 \(held.disk.overlay); chmod 660 \(held.disk.overlay)")
            let taken = try RootOnlyOverlay(held.disk)
            var status = stat()
            #expect(stat(held.disk.overlay, &status) == 0 && status.st_uid == 0 && status.st_mode & 0o777 == 0o600)
            taken.giveBack()
            #expect(stat(held.disk.overlay, &status) == 0 && status.st_uid == 65534 && status.st_mode & 0o777 == 0o660)
            // Somebody who has it open could write to it still.
            try scratch.write("proc/4711/comm", "qemu-system-x86")
            try scratch.write("proc/4711/fdinfo/3", "flags:\t02\n")
            try scratch.link("proc/4711/fd/3", to: held.disk.overlay)
            let error = #expect(throws: HypervisorError.self) {
                try RootOnlyOverlay(held.disk, roots: SystemRoots(proc: scratch.path + "/proc"))
            }
            #expect(error?.remedy == .retry && error?.message.contains("4711") == true)
            #expect(stat(held.disk.overlay, &status) == 0 && status.st_uid == 65534)
            try await held.commit()
            #expect(stat(held.disk.overlay, &status) == 0 && status.st_uid == 0)
        }
    }

    @Test("with an endless or a huge first table is read within milliseconds")
    func tables() throws {
        try withScratchFolder { scratch in
            for (entries, isRefused) in [(0xFFFF_FFFF, true), (4 << 20, false)] as [(UInt64, Bool)] {
                var fixture = HeaderFixture(backing: "/srv/a", format: "raw")
                fixture.changes = [(36, HeaderFixture.bytes(entries, 4))]
                let path = try scratch.write("a.qcow2", fixture.bytes)
                #expect(truncate(path, 1 << 40) == 0)
                let time = try processorTime {
                    let content = try OverlayContent.read(path)
                    if case .refused(let reason) = content {
                        #expect(isRefused && reason.contains("longer than QEMU would have it"))
                    } else {
                        #expect(content == .unwritten && !isRefused)
                    }
                }
                #expect(time < .milliseconds(isRefused ? 100 : 1000))
            }
        }
    }

    @Test("is in doubt, whatever a definition names, unless a commit of ours was seen to its end")
    func finding() {
        var disk = OverlayDisk(target: "vda", base: "/b", baseFormat: "raw", overlay: "/o")
        let onOverlay = [DiskChain(target: "vda", chain: ["/o", "/b"])]
        let onBase = [DiskChain(target: "vda", chain: ["/b"])]
        func find(_ step: FreezeState.Step, _ live: [DiskChain]?, _ persistent: [DiskChain]) -> OverlayState {
            OverlayState.find(disk, step: step, live: live, persistent: persistent, overlay: .refused("odd"))
        }
        for step in [FreezeState.Step.preparing, .held, .releasing] {
            #expect(find(step, nil, onOverlay) == .doubtful("odd"))
            #expect(find(step, nil, onBase) == .doubtful("odd"))
            #expect(find(step, onBase, onBase) == .doubtful("odd"))
            #expect(find(step, nil, []) == .doubtful("odd"))
        }
        #expect(find(.held, onOverlay, onOverlay) == .live)
        disk.progress = .committed
        #expect(find(.releasing, nil, onBase) == .free)
        #expect(find(.releasing, onBase, onOverlay) == .pivoted)
    }
}

@Suite("Formats in a definition")
struct DefinitionFormatTests {
    @Test("are raw where nothing is said, and known for every image below that is named")
    func formats() throws {
        let definition = """
            <domain><devices>
            <disk type='file'><source file='/t/a'/><target dev='vda'/></disk>
            <disk type='file'><driver name='qemu' type='qcow2'/><source file='/t/b'/><target dev='vdb'/>
              <backingStore type='file'><format type='qcow2'/><source file='/t/c'/>
                <backingStore type='block'><format type='raw'/><source dev='/dev/zvol/d'/><backingStore/></backingStore>
              </backingStore></disk>
            </devices></domain>
            """
        let hypervisor = LibvirtHypervisor(HypervisorSettings(name: "local", uri: "test:///default"))
        #expect(
            try hypervisor.imageFormats(in: definition) == [
                "/t/a": "raw", "/t/b": "qcow2", "/t/c": "qcow2", "/dev/zvol/d": "raw",
            ])
        let disk = try XMLElement.parse(definition).first("devices")?.children(named: "disk").last
        let found = DomainDisk(try #require(disk)) { _, _ in "" }
        #expect(
            found.layersBelow == [
                ImageChain.Layer(path: "/t/c", format: "qcow2"), ImageChain.Layer(path: "/dev/zvol/d", format: "raw"),
            ])
    }

    @Test("of another VM's images hold up nobody whose file a header only names, unless it lies beside")
    func claims() throws {
        try withScratchFolder { scratch in
            let base = try scratch.write("base.raw", "x")
            let image = try scratch.write("b.qcow2", HeaderFixture(backing: base, format: "raw").bytes)
            let domain = try XMLElement.parse(
                """
                <domain><devices><disk type='file'><driver name='qemu' type='qcow2'/><source file='\(image)'/>
                <target dev='vda'/></disk></devices></domain>
                """)
            let uses = ImageUse.all(in: domain) { _, _ in nil }
            #expect(uses == [ImageUse(target: "vda", images: [image], claimed: [base])])
            let mine = try #require(ImageIdentity(image))
            #expect(mine.isBeside(try #require(ImageIdentity(base))))
            let far = "/dev/shm/stillpoint-\(getpid())-claim"
            close(open(far, O_RDWR | O_CREAT, 0o600))
            defer { unlink(far) }
            #expect(!mine.isBeside(try #require(ImageIdentity(far))))
        }
    }
}
