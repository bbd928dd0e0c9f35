import Glibc
import HostFixtures
import Hypervisor
import Support
import Synchronization
import TestSupport
import Testing

@testable import Engine

/// A tenant who owns a dataset's root: swaps a folder for a link to somewhere else and back, again and again.
private final class Swapper: Sendable {
    private let isOver = Atomic(false)
    private let swaps = Atomic(0)
    private let path: String
    private let target: String

    init(_ path: String, target: String) {
        self.path = path
        self.target = target
    }

    /// How often it has swapped.
    var count: Int { swaps.load(ordering: .relaxed) }

    func start() {
        startThread { [self] in
            let away = path + ".away"
            var attempts = 0
            while !isOver.load(ordering: .relaxed) {
                guard rename(path, away) == 0 else {
                    // A new one was made in its place meanwhile: the old one is moved where it is in nobody's way.
                    attempts += 1
                    if rename(away, path) != 0 { rename(away, "\(path).left\(attempts)") }
                    continue
                }
                symlink(target, path)
                swaps.add(1, ordering: .relaxed)
                unlink(path)
                rename(away, path)
            }
            swaps.add(1, ordering: .relaxed)
        }
    }

    func stop() {
        isOver.store(true, ordering: .relaxed)
        usleep(50_000)
    }
}

@Suite("A folder that is swapped for a link at any instant", .serialized)
struct DefinitionSaverRaceTests {
    /// Somewhere else, with everything in it that the work in the swapped folder would write or delete.
    private func elsewhere(_ scratch: ScratchFolder) throws -> [String] {
        for file in ["machine.json", "definition.xml", "files/nvram", "vm/machine.json", "vm/files/nvram"] {
            try scratch.write("etc/\(file)", "root's")
        }
        return try scratch.names(in: "etc")
    }

    private func expectUntouched(_ scratch: ScratchFolder, _ names: [String]) throws {
        #expect(try scratch.names(in: "etc") == names)
        for file in ["machine.json", "definition.xml", "files/nvram", "vm/machine.json", "vm/files/nvram"] {
            #expect(try text(scratch, "etc/\(file)") == "root's", "\(file)")
        }
    }

    @Test(
        "leads nobody who writes there elsewhere", arguments: [".stillpoint", ".stillpoint/vm", ".stillpoint/vm/files"])
    func writing(place: String) throws {
        try withScratchFolder { scratch in
            let names = try elsewhere(scratch)
            let nvram = try scratch.write("nvram", "a guest's")
            try scratch.folder("tank/\(place)")
            let swapper = Swapper("\(scratch.path)/tank/\(place)", target: scratch.path + "/etc")
            swapper.start()
            let end = ContinuousClock.now + .milliseconds(700)
            // On a busy machine for as long as the other thread takes to swap it some times.
            while .now < end || (swapper.count <= 10 && .now < end + .seconds(30)) {
                // Where it is a link just now, or away, it fails; that is fine.
                guard
                    let folder = try? Folder(scratch.path + "/tank").madePrivateFolder(".stillpoint")
                        .madePrivateFolder("vm")
                else { continue }
                let copy = SavedCopy(
                    folder: folder, definition: Array("<d>".utf8), machine: Array("{}".utf8),
                    sources: SavedFileSources([SavedFile(name: "nvram", path: nvram)]))
                if copy.isThere == nil { _ = try? copy.write() }
            }
            swapper.stop()
            #expect(swapper.count > 10)
            try expectUntouched(scratch, names)
        }
    }

    @Test(
        "leads nobody who removes there elsewhere",
        arguments: [".stillpoint", ".stillpoint/vm", ".stillpoint/vm/files"])
    func removing(place: String) throws {
        try withScratchFolder { scratch in
            let names = try elsewhere(scratch)
            try scratch.folder("tank/\(place)")
            let swapper = Swapper("\(scratch.path)/tank/\(place)", target: scratch.path + "/etc")
            swapper.start()
            let end = ContinuousClock.now + .milliseconds(700)
            // On a busy machine for as long as the other thread takes to swap it some times.
            while .now < end || (swapper.count <= 10 && .now < end + .seconds(30)) {
                _ = try? scratch.write("tank/.stillpoint.away/vm/files/nvram", "x")
                (try? Folder(scratch.path + "/tank").folder(".stillpoint"))?.remove("vm")
                removeTree(at: "\(scratch.path)/tank/.stillpoint")
                mkdir("\(scratch.path)/tank/.stillpoint", 0o700)
                mkdir("\(scratch.path)/tank/.stillpoint/vm", 0o700)
                mkdir("\(scratch.path)/tank/.stillpoint/vm/files", 0o700)
            }
            swapper.stop()
            try expectUntouched(scratch, names)
        }
    }

    @Test("is removed only so deep, and a second name of a file elsewhere is not written through")
    func bounds() throws {
        try withScratchFolder { scratch in
            let deep = Array(repeating: "d", count: Folder.deepestLevel + 10).joined(separator: "/")
            try scratch.folder("tank/tree/\(deep)")
            let tank = try Folder(scratch.path + "/tank")
            tank.remove("tree")
            #expect(tank.has("tree"))
            try scratch.folder("tank/flat/a/b")
            try scratch.write("tank/flat/a/c", "")
            tank.remove("flat")
            #expect(!tank.has("flat"))

            let passwords = try scratch.write("shadow", "root's")
            try required(link(passwords, scratch.path + "/tank/definition.xml") == 0)
            try tank.write(Array("<d>".utf8), to: "definition.xml")
            #expect(try text(scratch, "shadow") == "root's")
            #expect(try text(scratch, "tank/definition.xml") == "<d>")
        }
    }

    @Test("takes no name that leads out of it", arguments: ["", ".", "..", "a/b", "/etc"])
    func names(name: String) throws {
        try withScratchFolder { scratch in
            try scratch.write("etc/a", "")
            try scratch.folder("tank")
            let tank = try Folder(scratch.path + "/tank")
            #expect(throws: (any Error).self) { try tank.folder(name) }
            #expect(throws: (any Error).self) { try tank.newFile(name) }
            tank.remove(name)
            #expect(try scratch.names(in: "etc") == ["a"])
        }
    }

    private func required(_ isDone: Bool) throws { try #require(isDone) }
}
