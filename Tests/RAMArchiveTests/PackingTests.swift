import Glibc
import RAMArchive
import TestSupport
import Testing

@Suite("Packing")
struct PackingTests {
    private struct Refusal: Error {}

    @Test("overwrites what a killed process left, and replaces an older archive", arguments: Compression.allCases)
    func leftovers(compression: Compression) throws {
        try withScratchFolder { scratch in
            let source = try scratch.write("dump", dump(10_000))
            let archive = try scratch.write("archive", "old")
            try scratch.write("archive.part", dump(50_000), mode: 0o666)
            let packed = try pack(
                source, to: archive, compression: compression, beforeRename: { _ in }, progress: nil)
            #expect(try scratch.mode("archive") == 0o600)
            #expect(try scratch.names(in: "") == ["archive", "dump"])
            try unpack(archive, expecting: packed, to: scratch.path + "/restored", progress: nil)
        }
    }

    @Test("has all in the part file, and the old archive in its place, when the side-car is written")
    func order() throws {
        try withScratchFolder { scratch in
            let source = try scratch.write("dump", dump(10_000))
            let archive = try scratch.write("archive", "old")
            var told: PackedDump?
            let packed = try pack(
                source, to: archive, compression: .zstd,
                beforeRename: { packed in
                    told = packed
                    try unpack(archive + ".part", expecting: packed, to: scratch.path + "/restored", progress: nil)
                    #expect(try contents(archive) == Array("old".utf8))
                }, progress: nil)
            #expect(told == packed)
        }
    }

    @Test("leaves nothing behind when the side-car cannot be written", arguments: [nil, "old"])
    func refused(old: String?) throws {
        try withScratchFolder { scratch in
            let source = try scratch.write("dump", dump(10_000))
            let archive = scratch.path + "/archive"
            if let old { try scratch.write("archive", old) }
            #expect(throws: Refusal.self) {
                try pack(
                    source, to: archive, compression: .none, beforeRename: { _ in throw Refusal() }, progress: nil)
            }
            #expect(try contents(source) == dump(10_000))
            #expect(try readFile(archive) == Array((old ?? "").utf8))
            #expect(try scratch.names(in: "") == (old == nil ? ["dump"] : ["archive", "dump"]))
        }
    }

    @Test(
        "gives up when the source changes meanwhile",
        arguments: ["shrinks", "grows", "is overwritten"], Compression.allCases)
    func changing(how: String, compression: Compression) throws {
        try withScratchFolder { scratch in
            let source = try scratch.write("dump", dump(3 << 20))
            // A second later than any other time of this test.
            var times = [timespec(tv_sec: 1_000_000_000, tv_nsec: 0), timespec(tv_sec: 1_000_000_000, tv_nsec: 0)]
            try #require(utimensat(AT_FDCWD, source, &times, 0) == 0)
            let found = code {
                _ = try pack(
                    source, to: scratch.path + "/archive", compression: compression,
                    beforeRename: { _ in Issue.record("it was packed") },
                    progress: { done, _ in
                        guard done == 0 else { return }
                        switch how {
                        case "shrinks": truncate(source, 2 << 20 + 5)
                        case "grows": truncate(source, 4 << 20)
                        default:
                            let file = fopen(source, "r+")
                            fputs("new", file)
                            fclose(file)
                        }
                    })
            }
            #expect(found == .unreadable)
            #expect(try scratch.names(in: "") == ["dump"])
        }
    }

    @Test(
        "takes plain files only",
        arguments: [
            ("nothing", .missing), ("file/below", .missing), ("folder", .unreadable), ("link", .unreadable),
            ("pipe", .unreadable),
        ] as [(String, ArchiveError.Code)])
    func sources(name: String, expected: ArchiveError.Code) throws {
        try withScratchFolder { scratch in
            try scratch.write("file", "text")
            try scratch.folder("folder")
            try scratch.link("link", to: "file")
            try #require(mkfifo(scratch.path + "/pipe", 0o600) == 0)
            let before = try scratch.names(in: "")
            let found = code {
                _ = try pack(
                    scratch.path + "/" + name, to: scratch.path + "/archive", compression: .zstd,
                    beforeRename: { _ in }, progress: nil)
            }
            #expect(found == expected)
            #expect(try scratch.names(in: "") == before)
        }
    }

    @Test(
        "touches neither its source nor what is no archive",
        arguments: [
            ("missing/archive", .unwritable), ("dump/archive", .unwritable), ("folder", .exists),
            ("dump", .exists), ("hard-link", .exists), ("before", .exists), ("link", .exists),
        ] as [(String, ArchiveError.Code)])
    func destinations(name: String, expected: ArchiveError.Code) throws {
        try withScratchFolder { scratch in
            let source = try scratch.write("dump", "text")
            try scratch.folder("folder")
            try scratch.link("link", to: "elsewhere")
            try #require(link(source, scratch.path + "/hard-link") == 0)
            try #require(link(source, scratch.path + "/before.part") == 0)
            let before = try scratch.names(in: "")
            let found = code {
                _ = try pack(
                    source, to: scratch.path + "/" + name, compression: .none, beforeRename: { _ in }, progress: nil)
            }
            #expect(found == expected)
            #expect(try scratch.names(in: "") == before)
            #expect(try contents(source) == Array("text".utf8))
        }
    }
}
