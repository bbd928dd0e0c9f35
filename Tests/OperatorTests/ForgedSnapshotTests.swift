import Glibc
import HostFixtures
import Hypervisor
import TestSupport
import Testing
import ZFS

@testable import Engine
@testable import Operator
@testable import RunState

@Suite("A snapshot whose definition is somebody else's", .serialized)
struct ForgedSnapshotTests {
    private static let folder = "snapshots/tank/VM@daily/.stillpoint/id-of-web01"

    enum Forgery: CaseIterable {
        case noSeal, emptySeal, definition, machine, file, otherFile, otherKey, handedOutKey

        func forge(_ pool: PoolBench) throws {
            let folder = ForgedSnapshotTests.folder
            switch self {
            case .noSeal: pool.scratch.remove(folder + "/seal")
            case .emptySeal: try pool.scratch.write(folder + "/seal", "")
            case .definition: try pool.scratch.write(folder + "/definition.xml", "<definition of web01> ")
            case .machine:
                let text = try text(pool.scratch, folder + "/machine.json")
                try pool.scratch.write(folder + "/machine.json", text + "\n")
            case .file: try pool.scratch.write(folder + "/files/nvram", "Variables")
            case .otherFile:
                pool.scratch.remove(folder + "/files/nvram")
                try pool.scratch.link(folder + "/files/nvram", to: "/etc/passwd")
            case .otherKey: try pool.seal(folder, by: [SealingKey([UInt8](repeating: 1, count: 32))])
            case .handedOutKey: try pool.seal(folder, by: [pool.catalogue.seals.own().away])
            }
        }
    }

    @Test("is not restored, and the VM runs on", arguments: Forgery.allCases)
    func refused(forgery: Forgery) async throws {
        for target in [RestoreOptions.Target.clone("web02"), .inPlace] {
            try await withPool { pool async throws in
                try pool.web()
                try forgery.forge(pool)
                let recorder = pool.recorder()
                let code = await pool.restore(to: target)
                #expect(code == (forgery == .otherFile ? .failed : .usage), "\(pool.log.text)")
                #expect(recorder.seen.isEmpty && pool.world.count("stop") == 0)
                #expect(
                    forgery == .otherFile
                        || pool.log.text.contains("what tank/VM@daily saved of web01 is not trusted"))
                #expect(try pool.leftByRestores == [])
            }
        }
    }

    @Test("is not restored where its seal is right, and it was kept for another snapshot", arguments: [true, false])
    func replayed(inPlace: Bool) async throws {
        try await withPool { pool async throws in
            try pool.web()
            var machine = try keptMachine("web01", .quiesced)
            machine.kept = String(repeating: "0", count: 64)
            try pool.keep([machine])
            let recorder = pool.recorder()
            #expect(await pool.restore(to: inPlace ? .inPlace : .clone("web02")) == .usage, "\(pool.log.text)")
            #expect(recorder.seen.isEmpty && pool.world.count("stop") == 0)
            #expect(pool.log.text.contains("saved at another time"), "\(pool.log.text)")
            #expect(try pool.leftByRestores == [])
        }
    }

    @Test("is restored as one that is not trusted when that is asked for", arguments: [true, false])
    func untrusted(inPlace: Bool) async throws {
        try await withPool { pool async throws in
            try pool.web(.quiesced)
            try Forgery.noSeal.forge(pool)
            let recorder = pool.recorder()
            #expect(await pool.restore(to: inPlace ? .inPlace : .clone("web02")) { $0.untrusted = true } == .done)
            let request = try recorder.only.request
            #expect(!request.isTrusted)
            #expect(request.moves.map(\.from) == [try pool.image().path])
            #expect(request.identity == RestoreRequest.Identity(id: "id-of-web01", name: "web01"))
        }
    }

    @Test("names no image of the host's for one of its own", arguments: ["/etc/shadow", "/dev/sda"])
    func hostsPath(path: String) async throws {
        try await withPool { pool async throws in
            try pool.web(.quiesced)
            let image = SavedImage(
                target: "vda", path: path, dataset: try DatasetName("tank/VM"), relativePath: "web01.raw",
                isWritten: true)
            try pool.snapshot(images: [image], isSealed: false)
            try Forgery.noSeal.forge(pool)
            let recorder = pool.recorder()
            #expect(await pool.restore(to: .inPlace) { $0.untrusted = true } == .done, "\(pool.log.text)")
            #expect(try recorder.only.request.moves.map(\.to) == ["\(pool.scratch.path)/tank/VM/web01.raw"])
        }
    }

    @Test("names no dataset that nothing else speaks of", arguments: [true, false])
    func otherDataset(isKnown: Bool) async throws {
        try await withPool { pool async throws in
            try pool.web(.quiesced)
            if !isKnown { pool.scratch.remove("state/restore-points") }
            let images = [try pool.image(), try pool.image("prod.raw", on: "tank/other")]
            for snapshot in ["tank/VM@daily", "tank/other@daily"] {
                try pool.snapshot(snapshot, images: images, isSealed: false)
            }
            let recorder = pool.recorder()
            #expect(await pool.restore(to: .clone("web02")) { $0.untrusted = true } == .usage)
            #expect(pool.log.text.contains("names disks on tank/other"), "\(pool.log.text)")
            #expect(recorder.seen.isEmpty)
            #expect(try pool.pool.calls("clone").allSatisfy { !$0.contains("tank/other@daily") })
            #expect(try pool.leftByRestores == [])
        }
    }

    @Test("leads nowhere out of its folder", arguments: ["../x", "/etc/shadow", "a//b", ".", ""])
    func paths(path: String) throws {
        let image = SavedImage(
            target: "vda", path: "/x", dataset: try DatasetName("tank/VM"), relativePath: path, isWritten: true)
        for (images, files) in [([image], []), ([], [path])] as [([SavedImage], [String])] {
            let kept = SavedDefinition(hypervisor: "local", id: "1", name: "a", images: images, files: files)
            let bytes = try StateFile.text(kept)
            #expect(throws: StateError.self) { try SavedDefinition.decode(bytes, at: "/x") }
        }
    }

    @Test("does not switch off another VM whose id it names")
    func foreignID() async throws {
        try await withPool { pool async throws in
            try pool.web(.quiesced)
            pool.bench.has(pool.host.machine("web01", pool.host.disk("vda", "tank/other/victim.raw")))
            let recorder = pool.recorder()
            #expect(await pool.restore(to: .inPlace) == .usage)
            #expect(pool.log.text.contains("has no disk on tank/VM"), "\(pool.log.text)")
            #expect(recorder.seen.isEmpty && pool.world.count("stop") == 0)
            #expect(try pool.leftByRestores == [])
        }
    }

    @Test("is refused by what its hypervisor finds in it before the VM is stopped")
    func checked() async throws {
        try await withPool { pool async throws in
            try pool.web(.quiesced)
            pool.world.change {
                $0.checkRestore = { _ in throw HypervisorError(.callFailed, "unsupported configuration", remedy: .stop)
                }
            }
            let recorder = pool.recorder()
            #expect(await pool.restore(to: .inPlace) != .done)
            #expect(recorder.seen.isEmpty && pool.world.count("stop") == 0)
            #expect(try pool.leftByRestores == [])
        }
    }

    @Test("gives no RAM that only an unsealed side-car knows of, unless asked to")
    func sideCar() async throws {
        try await withPool { pool async throws in
            try pool.web()
            let path = "\(pool.cold)/tank/VM/web01/\(PoolBench.run).json"
            var point = try ArchiveManifest.read(path)
            #expect(point.seal != nil)
            point.seal = nil
            point.machines[0].dump?.path = "\(PoolBench.run).ram"
            try StateFile.write(point, to: path)
            pool.scratch.remove("state/restore-points")
            let recorder = pool.recorder()
            #expect(await pool.restore(to: .clone("web02")) == .usage)
            #expect(pool.log.text.contains("is not trusted: what lies beside it"), "\(pool.log.text)")
            #expect(await pool.restore(to: .clone("web02")) { $0.untrusted = true } == .done, "\(pool.log.text)")
            #expect(try recorder.only.request.isTrusted == false)
        }
    }

    @Test("is mounted as harmless, and only read where nobody else gets", arguments: [true, false])
    func mounts(inPlace: Bool) async throws {
        try await withPool { pool async throws in
            try pool.web(.quiesced)
            _ = pool.recorder()
            #expect(await pool.restore(to: inPlace ? .inPlace : .clone("web02")) == .done, "\(pool.log.text)")
            let call = try #require(try pool.pool.calls("clone").first)
            for option in ["setuid=off", "devices=off", "exec=off", "sharenfs=off", "sharesmb=off"] {
                #expect(call.contains("-o \(option)"), "\(call)")
            }
            #expect(call.contains("canmount=noauto") == inPlace)
            #expect(call.contains("mountpoint=\(pool.scratch.path)/state/restores/") == inPlace)
        }
    }
}
