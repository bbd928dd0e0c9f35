import Synchronization
import TestSupport
import Testing

@testable import RAMArchive

@Suite("Unpacking")
struct UnpackingTests {
    @Test("leaves what is there already", arguments: ["file", "folder", "link"])
    func existing(name: String) throws {
        try withScratchFolder { scratch in
            let packed = try packed(dump(6000), .zstd, in: scratch)
            try scratch.write("file", "text")
            try scratch.folder("folder")
            try scratch.link("link", to: "elsewhere")
            let before = try scratch.names(in: "")
            let found = code {
                try unpack(
                    scratch.path + "/archive", expecting: packed, to: scratch.path + "/" + name, progress: nil)
            }
            #expect(found == .exists)
            #expect(try scratch.names(in: "") == before)
            #expect(try contents(scratch.path + "/file") == Array("text".utf8))
        }
    }

    @Test("needs the archive and a folder to write to")
    func missing() throws {
        try withScratchFolder { scratch in
            let packed = try packed(dump(6000), .zstd, in: scratch)
            let archive = scratch.path + "/archive"
            let unpacked = code { try unpack(archive + "s", expecting: packed, to: archive + "t", progress: nil) }
            #expect(unpacked == .missing)
            let written = code { try unpack(archive, expecting: packed, to: archive + "/below", progress: nil) }
            #expect(written == .unwritable)
            #expect(try scratch.names(in: "") == ["archive"])
        }
    }

    @Test("stops when more comes out than the side-car says")
    func bomb() throws {
        try withScratchFolder { scratch in
            let packed = try packed([UInt8](repeating: 0, count: 64 << 20), .zstd, in: scratch)
            #expect(packed.storedBytes < 1 << 20)
            var taken = 0
            let found = code {
                try unpack(
                    try InputFile(scratch.path + "/archive"), expecting: packed.lying(plainBytes: 3 << 20),
                    progress: nil
                ) { taken += $0.count }
            }
            #expect(found == .damaged)
            #expect(taken == 3 << 20)
        }
    }
}
