import Glibc
import HostFixtures
import Hypervisor
import SystemPackage
import TestSupport
import Testing

@testable import Engine
@testable import Operator
@testable import Support

@Suite("A folder or file that its owner exchanges for a link at any instant", .serialized)
struct ExchangeTests {
    /// Somewhere else, with everything in it that is written or deleted under the exchanged names.
    private func elsewhere(_ scratch: ScratchFolder) throws -> Canary {
        for name in [
            "machine.json", "definition.xml", "seal", "files/nvram", "vm/machine.json", "vm/files/nvram", "nvram",
            "disk.raw", "disk.raw.stillpoint-new", "run.json", "run.json.tmp",
        ] {
            try scratch.write("etc/\(name)", "root's", mode: 0o600)
        }
        return Canary(scratch.path + "/etc")
    }

    /// Exchanges `place` for a link to what lies elsewhere, while `attempt` is made again and again.
    private func attack(
        _ scratch: ScratchFolder, _ place: String, target: String, canary: Canary, mustSucceed: Bool = true,
        _ attempt: () throws -> Void
    ) throws {
        let outcome = Exchange("\(scratch.path)/\(place)", forLinkTo: "\(scratch.path)/\(target)").during(
            mustSucceed: mustSucceed, attempt)
        #expect(outcome.exchanges >= Exchange.rounds)
        #expect(outcome.successes > 0 || !mustSucceed)
        #expect(Canary(scratch.path + "/etc") == canary)
    }

    @Test(
        "leads the keeping nowhere else",
        arguments: [
            ("", "etc"), ("/vm", "etc/vm"), ("/vm/files", "etc/files"), ("/vm/files/nvram", "etc/nvram"),
            ("/vm/machine.json", "etc/machine.json"), ("/vm/seal", "etc/seal"),
        ])
    func keeping(place: String, target: String) throws {
        try withScratchFolder { scratch in
            let canary = try elsewhere(scratch)
            let nvram = try scratch.write("nvram", "variables")
            try scratch.folder("tank")
            let write = {
                let copy = SavedCopy(
                    folder: try Folder(scratch.path + "/tank").madePrivateFolder(".stillpoint").madePrivateFolder("vm"),
                    definition: Array("<d>".utf8), machine: Array("{}".utf8),
                    sources: SavedFileSources([SavedFile(name: "nvram", path: nvram)]))
                try copy.seal(copy.isThere ?? copy.write(), by: [])
            }
            try write()
            try attack(scratch, "tank/.stillpoint\(place)", target: target, canary: canary, write)
        }
    }

    @Test(
        "gives nothing of root's to be kept",
        arguments: [("qemu/nvram", "etc"), ("qemu/nvram/nvram", "etc/nvram"), ("qemu", "etc/files")])
    func sources(place: String, target: String) throws {
        try withScratchFolder { scratch in
            try scratch.write("etc/files/nvram/nvram", "root's", mode: 0o600)
            let canary = Canary(scratch.path + "/etc")
            try scratch.write("etc/nvram", "root's", mode: 0o600)
            try scratch.write("qemu/nvram/nvram", "variables", mode: 0o600)
            let outer = place == "qemu" ? "theirs/" : ""
            if !outer.isEmpty {
                try scratch.folder("theirs")
                try #require(rename(scratch.path + "/qemu", scratch.path + "/theirs/qemu") == 0)
                try scratch.giveAway("theirs")
            }
            for name in ["qemu", "qemu/nvram", "qemu/nvram/nvram"] { try scratch.giveAway(outer + name) }
            let wanted = SavedFile(name: "nvram", path: "\(scratch.path)/\(outer)qemu/nvram/nvram")
            let now = Canary(scratch.path + "/etc")
            #expect(now != canary)
            try attack(scratch, outer + place, target: target, canary: now) {
                let sources = SavedFileSources([wanted])
                guard let file = sources.files.first?.file else { throw Errno.noSuchFileOrDirectory }
                #expect(try file.content(limit: 100) == Array("variables".utf8))
            }
        }
    }

    @Test(
        "leads a restore in place nowhere else",
        arguments: [
            ("images", "etc"), ("images/disk.raw", "etc/disk.raw"),
            ("images/disk.raw.stillpoint-new", "etc/disk.raw.stillpoint-new"),
        ])
    func restore(place: String, target: String) throws {
        try withScratchFolder { scratch in
            let canary = try elsewhere(scratch)
            try scratch.write("clone/images/disk.raw", "then", mode: 0o6755)
            try scratch.write("tank/images/disk.raw", "now", mode: 0o4755)
            for name in ["tank", "tank/images", "tank/images/disk.raw"] { try scratch.giveAway(name) }
            let isCopyExchanged = place.hasSuffix("-new")
            if isCopyExchanged { try scratch.write("tank/\(place)", "theirs") }
            let tank = try Folder(scratch.path + "/tank")
            try attack(scratch, "tank/\(place)", target: target, canary: canary, mustSucceed: !isCopyExchanged) {
                let folder = try tank.folder(along: RelativePath("images"))
                let file = RestoredFile(
                    root: scratch.path + "/clone", relativePath: "images/disk.raw",
                    present: scratch.path + "/tank/images/disk.raw", folder: folder, run: "20261121T110000Z-1f3c9a")
                defer { folder.unlink(file.keptName) }
                try file.makeCopy(nil)
                try folder.rename(file.name, to: file.keptName)
                try file.putInPlace()
            }
        }
    }

    @Test(
        "leads what is written whole nowhere else",
        arguments: [("runs", "etc"), ("runs/run.json", "etc/run.json"), ("runs/run.json.tmp", "etc/run.json.tmp")])
    func atomic(place: String, target: String) throws {
        try withScratchFolder { scratch in
            let canary = try elsewhere(scratch)
            let path = try scratch.write("state/runs/run.json", "{}")
            for name in ["state", "state/runs"] { try scratch.giveAway(name) }
            if place.hasSuffix(".tmp") { try scratch.write("state/\(place)", "theirs") }
            try attack(
                scratch, "state/\(place)", target: target, canary: canary, mustSucceed: !place.hasSuffix(".tmp")
            ) {
                try replaceFile(at: path, with: Array("{\"a\": 1}".utf8))
                try removeFile(at: path)
                try replaceFile(at: path, with: Array("{}".utf8))
            }
        }
    }
}
