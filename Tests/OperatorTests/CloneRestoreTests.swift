import HostFixtures
import Hypervisor
import TestSupport
import Testing

@testable import Engine
@testable import Operator
@testable import RunState

@Suite("Restoring to a clone", .serialized)
struct CloneRestoreTests {
    @Test("makes a new VM of the clone's disks, with its RAM and its links down", arguments: [true, false])
    func withMemory(isArchived: Bool) async throws {
        try await withPool { pool async throws in
            try pool.web(isArchived: isArchived)
            let recorder = pool.recorder()
            #expect(await pool.restore(to: .clone("web 2")) == .done)
            let seen = try recorder.only
            #expect(seen.request.newName == "web 2")
            #expect(seen.request.definition == "<definition of web01>")
            let clone = "\(pool.scratch.path)/clones/tank/web_2"
            let image = try pool.image()
            #expect(seen.request.moves == [PathMove(from: image.path, to: "\(clone)/web01.raw")])
            // From a copy that only root can change, which is deleted again.
            #expect(seen.request.files.map(\.name) == ["nvram"])
            #expect(seen.request.files.allSatisfy { $0.path.hasPrefix(pool.bench.statePath + "/restores/") })
            #expect(try pool.scratch.names(in: "state/restores") == [])
            #expect(seen.disks == ["old web01.raw"])
            #expect(seen.ram == PoolBench.guestRAM)
            #expect(seen.request.power == .running)
            #expect(seen.request.linksUp == false)
            #expect(try pool.pool.clones() == ["tank/web_2"])
            #expect(try text(pool.scratch, "tank/VM/web01.raw") == "new web01.raw")
            #expect(try pool.scratch.names(in: "ram") == (isArchived ? [] : ["web01.ram"]))
            #expect(pool.world.count("stop") == 0)
        }
    }

    @Test(
        "leaves the VM as it was asked to",
        arguments: [
            (true, false, false, RestoreRequest.Power.running), (true, true, false, .paused),
            (false, false, false, .off), (false, true, false, .off), (false, false, true, .running),
            (false, true, true, .paused),
        ])
    func power(memory: Bool, paused: Bool, start: Bool, expected: RestoreRequest.Power) async throws {
        try await withPool { pool async throws in
            try pool.web()
            let recorder = pool.recorder()
            let code = await pool.restore(to: .clone("web02")) { options in
                options.withoutMemory = !memory
                options.paused = paused
                options.start = start
                options.connect = true
            }
            #expect(code == .done)
            let request = try recorder.only.request
            #expect(request.power == expected)
            #expect((request.ramDump != nil) == memory)
            #expect(request.linksUp == nil)
        }
    }

    @Test("is refused, and nothing is left, where it cannot be", arguments: Obstacle.allCases)
    func refused(obstacle: Obstacle) async throws {
        try await withPool { pool async throws in
            try pool.web()
            let recorder = pool.recorder()
            let (snapshot, machine, name) = try obstacle.prepare(pool)
            let code = await pool.restore(snapshot, machine, to: .clone(name))
            #expect(code == .usage, "\(pool.log.text)")
            #expect(recorder.seen.isEmpty)
            #expect(pool.log.text.contains(obstacle.word), "\(pool.log.text)")
            #expect(try pool.leftByRestores == [])
            #expect(
                pool.has("cold/tank/VM/web01/\(PoolBench.run).ram") != [.ramMissing, .notMounted].contains(obstacle))
        }
    }

    enum Obstacle: CaseIterable {
        case nameTaken, noName, slash, dots, datasetExists, noSnapshot, badSnapshot, noMachine, namesakes, imageMissing
        case unmounted, otherDatasetMissing, ramMissing, notMounted, ramTruncated, ramAltered, ramUnknown

        var word: String {
            switch self {
            case .nameTaken: "a VM web01 exists already"
            case .noName, .slash: "cannot be a VM's name"
            case .dots: "error: "
            case .datasetExists: "the dataset tank/other exists already"
            case .noSnapshot: "tank/VM@weekly does not exist"
            case .badSnapshot: "names no snapshot"
            case .noMachine: "it holds web01"
            case .namesakes: "name one by its id: id-of-web01, second"
            case .imageMissing: "is not in the snapshot of tank/VM"
            case .unmounted: "was not mounted by zfs"
            case .otherDatasetMissing: "tank/VM/db@daily is not there"
            case .ramMissing: "is not there"
            case .notMounted: "cold is empty: mount it"
            case .ramTruncated: "it is damaged"
            case .ramAltered: "the RAM cannot be restored"
            case .ramUnknown: "the RAM cannot be found"
            }
        }

        func prepare(_ pool: PoolBench) throws -> (snapshot: String, machine: String, name: String) {
            var (snapshot, machine, name) = ("tank/VM@daily", "web01", "web02")
            let ram = "cold/tank/VM/web01/\(PoolBench.run).ram"
            switch self {
            case .nameTaken: name = "web01"
            case .noName: name = ""
            case .slash: name = "a/b"
            case .dots: name = ".."
            case .datasetExists: name = "other"
            case .noSnapshot: snapshot = "tank/VM@weekly"
            case .badSnapshot: snapshot = "tank/VM"
            case .noMachine: machine = "db01"
            case .namesakes: try pool.snapshot(id: "second")
            case .imageMissing: pool.scratch.remove("snapshots/tank/VM@daily/web01.raw")
            case .unmounted: try pool.scratch.write("unmounted", "")
            case .otherDatasetMissing:
                try pool.keep([keptMachine(on: ["tank/VM", "tank/VM/db"], .quiesced)])
                try pool.snapshot(images: [pool.image(), pool.image("db.raw", on: "tank/VM/db")])
            case .ramMissing: pool.scratch.remove(ram)
            case .notMounted:
                pool.scratch.remove("cold")
                try pool.scratch.folder("cold")
            case .ramTruncated: try pool.scratch.write(ram, Array(readFile("\(pool.scratch.path)/\(ram)").dropLast()))
            case .ramAltered:
                var bytes = try readFile("\(pool.scratch.path)/\(ram)")
                bytes[bytes.count / 2] ^= 0xff
                try pool.scratch.write(ram, bytes)
            case .ramUnknown:
                for folder in ["cold", "state/restore-points"] { pool.scratch.remove(folder) }
                try pool.scratch.write(ram, "nobody knows")
                try pool.pool.remove("tank/VM@daily")
                try pool.pool.add("tank/VM@daily", ["stillpoint:vms": "web01=memory"])
            }
            return (snapshot, machine, name)
        }
    }

    @Test("restores the disks of a VM whose RAM is lost, when that is asked for")
    func withoutMemory() async throws {
        try await withPool { pool async throws in
            try pool.web()
            pool.scratch.remove("cold")
            let recorder = pool.recorder()
            #expect(await pool.restore(to: .clone("web02")) { $0.withoutMemory = true } == .done)
            #expect(try recorder.only.ram == nil)
            #expect(try recorder.only.disks == ["old web01.raw"])
        }
    }

    @Test("destroys its clone and its copy of the RAM when the back end fails")
    func failure() async throws {
        try await withPool { pool async throws in
            try pool.web()
            _ = pool.recorder(fails: true)
            #expect(await pool.restore(to: .clone("web02")) == .failed)
            #expect(pool.log.text.contains("web02 was not restored: the back end says no"))
            #expect(try pool.leftByRestores == [])
        }
    }

    @Test("says which clone is left when it cannot be destroyed, and ends with exit code 3")
    func busy() async throws {
        try await withPool { pool async throws in
            try pool.web()
            _ = pool.recorder(fails: true)
            try pool.pool.fail("^destroy")
            #expect(await pool.restore(to: .clone("web02")) == .needsRecovery)
            #expect(pool.log.text.contains("zfs destroy -r tank/web02"))
        }
    }

    @Test("destroys a clone of which zfs tells nothing", arguments: ["mountpoint", "mounted"])
    func silent(property: String) async throws {
        try await withPool { pool async throws in
            try pool.web()
            try pool.pool.fail("value \(property)")
            #expect(await pool.restore(to: .clone("web02")) == .failed)
            #expect(try pool.leftByRestores == [])
        }
    }

    @Test("finds a VM by its id, also one of two with the same name")
    func byID() async throws {
        try await withPool { pool async throws in
            try pool.web(.quiesced)
            try pool.snapshot(id: "second")
            let recorder = pool.recorder()
            #expect(await pool.restore("tank/VM@daily", "second", to: .clone("web02")) == .done)
            #expect(try recorder.only.request.identity?.id == "second")
        }
    }

    @Test("clones every dataset of a VM")
    func twoDatasets() async throws {
        try await withPool { pool async throws in
            let images = [try pool.image(), try pool.image("db.raw", on: "tank/VM/db")]
            for snapshot in ["tank/VM@daily", "tank/VM/db@daily"] { try pool.snapshot(snapshot, images: images) }
            try pool.keep(
                [keptMachine(on: ["tank/VM", "tank/VM/db"], .quiesced)], in: ["tank/VM@daily", "tank/VM/db@daily"])
            let recorder = pool.recorder()
            #expect(await pool.restore(to: .clone("web02")) == .done)
            #expect(try recorder.only.disks.sorted() == ["old db.raw", "old web01.raw"])
            #expect(try pool.pool.clones().sorted() == ["tank/VM/web02-db", "tank/web02"])
            #expect(pool.log.text.contains("zfs destroy -r tank/VM/web02-db; zfs destroy -r tank/web02"))
        }
    }

    @Test(
        "says where the clone is snapshotted along with others",
        arguments: [
            ("", "", "", nil), ("", "", "tank@daily", "it has @daily too"), ("", "", "tank@weekly", nil),
            ("[tank]\nrecursive = yes", "", "", "sanoid.conf"), ("[tank]\nrecursive = zfs", "", "", "sanoid.conf"),
            ("[tank]\nrecursive = yes\n[tank/web02]\nautosnap = no", "", "", nil),
            ("[tank/VM]\nrecursive = yes", "", "", nil),
            ("[tank]\nrecursive = zfs\nautosnap = no", "", "", nil),
            ("", "[tank]\nrecursive = yes", "", "recursive = yes in [tank]"),
            ("", "[tank/VM]\nrecursive = yes", "", nil),
        ] as [(String, String, String, String?)])
    func tree(sanoid: String, sections: String, snapshot: String, evidence: String?) async throws {
        try await withPool(sections: sections) { pool async throws in
            try pool.web(.quiesced)
            if !sanoid.isEmpty { try pool.scratch.write("sanoid/sanoid.conf", sanoid) }
            if !snapshot.isEmpty { try pool.pool.add(snapshot) }
            _ = pool.recorder()
            #expect(await pool.restore(to: .clone("web02")) == .done)
            let warnings = pool.log.lines.filter {
                $0.hasPrefix("warning: tank/web02 lies below tank, which is snapshotted")
            }
            #expect(
                warnings.map { line in evidence.map { line.contains("(\($0))") } } == (evidence == nil ? [] : [true]))
        }
    }
}
