import DiskLocation
import Glibc
import Hypervisor
import Support
import TestSupport
import Testing

@testable import LibvirtHypervisor

@Suite("What an overlay holds", .enabled(if: OverlayFileTests.hasQemuImg))
struct OverlayContentTests {
    private func run(_ command: String) {
        #expect(system("{ " + command + "; } >/dev/null 2>&1") == 0, "\(command)")
    }

    @Test("is seen by its first table")
    func content() async throws {
        try await withScratchFolder { scratch in
            let base = try scratch.write("base.raw", [UInt8](repeating: 7, count: 1 << 20))
            let disk = OverlayDisk(
                target: "vda", base: base, baseFormat: "raw", overlay: scratch.path + "/over lay.qcow2",
                definition: "<disk type='file'><source file='\(base)'/><target dev='vda'/></disk>")
            #expect(try OverlayContent.read(disk.overlay) == .missing)
            try await OverlayFile.create(disk, capacity: 1 << 20, run: OverlayFileTests.run)
            #expect(try OverlayContent.read(disk.overlay) == .unwritten)
            run("qemu-io -f qcow2 -c 'read 0 64k' -c 'flush' '\(disk.overlay)'")
            #expect(try OverlayContent.read(disk.overlay) == .unwritten)
            run("qemu-io -f qcow2 -c 'write -P 9 512k 512' '\(disk.overlay)'")
            #expect(try OverlayContent.read(disk.overlay) == .written)
        }
    }

    @Test("is nothing where its making was cut short", arguments: [0, 10, 48, 4096])
    func unfinished(length: Int) throws {
        try withScratchFolder { scratch in
            let path = try scratch.write("a.qcow2", [UInt8](repeating: 0, count: length))
            #expect(try OverlayContent.read(path) == .unfinished)
        }
    }

    @Test("is committed into its base by qemu-img, though not while a QEMU has it open")
    func commit() async throws {
        try await withScratchFolder { scratch in
            let base = try scratch.write("base.raw", [UInt8](repeating: 7, count: 1 << 20))
            var disk = OverlayDisk(
                target: "vda", base: base, baseFormat: "raw", overlay: scratch.path + "/over lay.qcow2",
                definition: "<disk type='file'><source file='\(base)'/><target dev='vda'/></disk>")
            try await OverlayFile.create(disk, capacity: 1 << 20, run: OverlayFileTests.run)
            disk.baseAtRest = ImageStamp.read(base)
            run("qemu-io -f qcow2 -c 'write -P 9 512k 512' '\(disk.overlay)'")
            let journal = FreezeStateJournal(FreezeState(step: .releasing, snapshot: "s", disks: [disk])) { _ in }
            let offline = try offline(journal)
            var items = [OfflineCommit.Item(disk: disk, above: nil, isOrphan: true)]
            let isFree = "qemu-img info '\(disk.overlay)'"
            let (holder, opened) = (scratch.path + "/holder", scratch.path + "/opened")
            run(
                """
                stdbuf -oL qemu-io -f qcow2 -c length -c 'sleep 600000' '\(disk.overlay)' >\(opened) 2>&1 & echo $! >\(holder)
                """)
            // qemu-img, asked until it refuses, would have it open itself when qemu-io wants it.
            try #require(try await eventually { try !readFile(opened).isEmpty })
            let error = await #expect(throws: HypervisorError.self) { try await offline.run(items, .off) }
            #expect(error?.remedy == .retry)
            #expect(error?.code == .changed)
            #expect(try readFile(base)[512 << 10] == 7)
            run("kill -9 $(cat \(holder)); for i in $(seq 200); do \(isFree) && exit 0; sleep 0.1; done; exit 1")
            #expect(try await offline.run(items, .off) == [])
            #expect(try readFile(base)[512 << 10] == 9)
            #expect(await journal.freezeState.disks[0].progress == .committed)
            // Once more, as after a kill.
            items = [OfflineCommit.Item(disk: await journal.freezeState.disks[0], isOrphan: true)]
            #expect(try await offline.run(items, .off) == [])
            #expect(try OverlayContent.read(disk.overlay) == .written)
            // Somebody has written to the base since: newer than the overlay.
            run("sleep 0.02; dd if=/dev/zero of='\(base)' bs=512 count=1 conv=notrunc")
            items = [OfflineCommit.Item(disk: disk, isOrphan: true)]
            let late = await #expect(throws: HypervisorError.self) { try await offline.run(items, .off) }
            #expect(late?.remedy == .stop)
            #expect(late?.message.contains("\(base) was written by somebody else") == true)
        }
    }

    @Test("that a release killed after its commit has left is known by holding nothing else than the base")
    func contained() async throws {
        try await withScratchFolder { scratch in
            let base = try scratch.write("base.raw", [UInt8](repeating: 7, count: 1 << 20))
            let disk = OverlayDisk(target: "vda", base: base, baseFormat: "raw", overlay: scratch.path + "/a.qcow2")
            try await OverlayFile.create(disk, capacity: 1 << 20, run: OverlayFileTests.run)
            run("qemu-io -f qcow2 -c 'write -P 9 512k 512' '\(disk.overlay)'")
            #expect(try await !OfflineCommit.isContained(disk, within: .seconds(20)))
            run("qemu-img commit -q -d -f qcow2 '\(disk.overlay)'")
            #expect(try await OfflineCommit.isContained(disk, within: .seconds(20)))
        }
    }

    private func offline(_ journal: FreezeStateJournal) throws -> OfflineCommit {
        OfflineCommit(
            connection: try Connection(uri: "test:///default"), machineID: "u-1", domain: nil, limit: .seconds(20),
            journal: journal)
    }

    @Test("is committed into no other base than the one it was made over")
    func otherBase() async throws {
        try await withScratchFolder { scratch in
            let base = try scratch.write("base.raw", [UInt8](repeating: 7, count: 1 << 20))
            let overlay = scratch.path + "/a.qcow2"
            try await OverlayFile.create(
                OverlayDisk(target: "vda", base: base, baseFormat: "raw", overlay: overlay), capacity: 1 << 20,
                run: OverlayFileTests.run)
            let disk = OverlayDisk(
                target: "vda", base: scratch.path + "/b", baseFormat: "raw", overlay: overlay,
                definition: "<disk type='file'><source file='\(scratch.path)/b'/><target dev='vda'/></disk>")
            let offline = try offline(
                FreezeStateJournal(FreezeState(step: .releasing, snapshot: "s", disks: [disk])) { _ in })
            let error = await #expect(throws: HypervisorError.self) {
                try await offline.run([OfflineCommit.Item(disk: disk, above: nil, isOrphan: false)], .off)
            }
            #expect(error?.remedy == .stop)
        }
    }

    @Test("qemu-img is killed when it takes too long")
    func late() async throws {
        let start = ContinuousClock.now
        let error = await #expect(throws: HypervisorError.self) {
            try await withScratchFolder { scratch in
                let path = try scratch.write("a.raw", [UInt8](repeating: 0, count: 1 << 20))
                let image = try ImageFile(path)
                try await QEMUImg.run(
                    ["bench", "-w", "-c", "100000000", "-f", "raw", ConfinedQEMUImg.name(of: image)],
                    [Confinement.Grant(image, isWritable: true)], within: .milliseconds(300), fileSize: 1 << 20)
            }
        }
        #expect(error?.code == .timedOut || error?.code == .callFailed)
        #expect(start.duration(to: .now) < .seconds(30))
    }
}
