import DiskLocation
import HostFixtures
import Hypervisor
import Support
import TestSupport
import Testing
import ZFS

@testable import Engine
@testable import Operator
@testable import RunState

@Suite("Restoring disks on volumes to a clone", .serialized)
struct CloneDeviceTests {
    private func image(
        _ path: String, _ part: VolumePart? = nil, target: String = "vda", on dataset: String = "tank/vol"
    ) throws -> SavedImage {
        SavedImage(
            target: target, path: path, dataset: try DatasetName(dataset), relativePath: nil, isWritten: true,
            format: "raw", part: part)
    }

    /// web01 on the volume tank/vol, and what the catalogue keeps of it.
    private func keep(_ pool: PoolBench, _ images: [SavedImage], _ consistency: Consistency = .quiesced) throws {
        for name in ["tank/vol", "tank/vol@daily"] { try pool.pool.add(name, ["type": "volume"]) }
        try pool.keep(
            [
                keptMachine(
                    on: ["tank/vol"], consistency,
                    dump: consistency == .memory ? pool.dump("web01", PoolBench.guestRAM) : nil)
            ], in: ["tank/vol@daily"])
        let kept = SavedDefinition(hypervisor: "local", id: "id-of-web01", name: "web01", images: images, files: [])
        let folder = "state/restore-points/\(PoolBench.run)/id-of-web01"
        try pool.scratch.write("\(folder)/definition.xml", "<definition of web01>")
        try pool.scratch.write("\(folder)/machine.json", StateFile.text(kept))
    }

    @Test(
        "gives the new VM the clone's device, or the same partition of it",
        arguments: [
            ("/dev/zvol/tank/vol", nil, ""), ("/dev/zvol/tank/vol-part2", nil, "-part2"),
            ("/dev/tank/vol-part1", nil, "-part1"), ("/dev/zd16", nil, ""), ("/dev/zd16p2", nil, "-part2"),
            ("/dev/disk/by-diskseq/9-part1", .partition(1), "-part1"), ("/dev/disk/by-diskseq/9", .whole, ""),
        ] as [(String, VolumePart?, String)], [Consistency.quiesced, .memory])
    func part(_ disk: (String, VolumePart?, String), consistency: Consistency) async throws {
        let (path, part, suffix) = disk
        try await withPool { pool async throws in
            try keep(pool, [image(path, part)], consistency)
            let recorder = pool.recorder()
            #expect(await pool.restore("tank/vol@daily", to: .clone("web02")) == .done, "\(pool.log.text)")
            let seen = try recorder.only
            let place = "\(pool.scratch.path)/dev/zvol/tank/web02\(suffix)"
            #expect(seen.request.moves == [PathMove(from: path, to: place)])
            #expect(seen.disks == ["old tank/vol\(suffix)"])
            #expect((seen.ram == PoolBench.guestRAM) == (consistency == .memory))
        }
    }

    @Test(
        "is refused, before anything is cloned, for what the host has made of a volume",
        arguments: [
            ("/dev/mapper/crypt", nil), ("/dev/vg/root", nil), ("/dev/dm-3", nil), ("/dev/loop0", nil),
            ("/dev/md0", nil),
            ("/dev/mapper/crypt", .stacked), ("/dev/zd16", .stacked),
        ] as [(String, VolumePart?)], [Consistency.quiesced, .memory])
    func stacked(_ disk: (String, VolumePart?), consistency: Consistency) async throws {
        let (path, part) = disk
        try await withPool { pool async throws in
            try keep(
                pool, [image("/dev/zvol/tank/vol-part1"), image(path, part, target: "vdb")], consistency)
            let recorder = pool.recorder()
            #expect(await pool.restore("tank/vol@daily", to: .clone("web02")) == .usage)
            #expect(recorder.seen.isEmpty)
            #expect(try pool.pool.calls("clone").isEmpty)
            #expect(pool.log.text.contains("vdb of web01 is \(path), a device that this host has made"))
            #expect(
                pool.log.text.contains(
                    "zfs clone tank/vol@daily tank/NEW, open what is in it (dm-crypt: cryptsetup open"))
            #expect(try pool.leftByRestores == [])
        }
    }

    @Test("finds the clone's device also where a name has a blank")
    func blank() async throws {
        try await withPool { pool async throws in
            for name in ["tank/my vms", "tank/my vms/vol"] { try pool.pool.add(name, ["type": "volume"]) }
            let clones = SnapshotClones(zfs: pool.pool.command, dev: pool.scratch.path + "/dev")
            let snapshot = try SnapshotName("tank/my vms/vol@daily")
            try pool.pool.add(snapshot.rawValue)
            try await clones.make(snapshot, as: DatasetName("tank/my vms/web02"))
            let disk = try image("/dev/zvol/tank/my+vms/vol-part1", .partition(1), on: "tank/my vms/vol")
            let place = try #require(await clones.place(of: disk, on: snapshot.dataset))
            #expect(place == "\(pool.scratch.path)/dev/zvol/tank/my+vms/web02-part1")
            #expect(fileExists(place))
        }
    }
}
