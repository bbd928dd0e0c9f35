import FoundationEssentials
import Glibc
import RAMArchive
import Synchronization
import TestSupport
import Testing

@Suite("A dump that is packed")
struct RoundTripTests {
    // The buffers have 256 KiB.
    static let lengths = [0, 1, 4095, 1 << 18 - 1, 1 << 18, 1 << 18 + 1, 9 << 20 + 7]

    @Test("comes back as it was", arguments: lengths, Compression.allCases)
    func roundTrip(length: Int, compression: Compression) throws {
        try withScratchFolder { scratch in
            let bytes = dump(length)
            let packed = try packed(bytes, compression, in: scratch)
            let archive = scratch.path + "/archive"
            #expect(packed.plainBytes == UInt64(length))
            #expect(packed.storedBytes == UInt64(try contents(archive).count))
            #expect(packed.compression == compression)
            try unpack(archive, expecting: packed, to: scratch.path + "/restored", progress: nil)
            #expect(try contents(scratch.path + "/restored") == bytes)
            #expect(try scratch.mode("archive") == 0o600)
            #expect(try scratch.mode("restored") == 0o600)
            #expect(try scratch.names(in: "") == ["archive", "restored"])
        }
    }

    @Test(
        "has its own SHA-256, whatever the compression",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ], Compression.allCases)
    func digest(sample: (text: String, sha256: String), compression: Compression) throws {
        try withScratchFolder { scratch in
            let packed = try packed(Array(sample.text.utf8), compression, in: scratch)
            #expect(packed.sha256 == sample.sha256)
        }
    }

    @Test("is stored byte for byte without compression, and as one Zstandard frame with it")
    func formats() throws {
        try withScratchFolder { scratch in
            let bytes = dump(300_000)
            try packed(bytes, .none, in: scratch)
            #expect(try contents(scratch.path + "/archive") == bytes)
            let small = try packed(bytes, .zstd, in: scratch)
            #expect(try contents(scratch.path + "/archive").starts(with: [0x28, 0xB5, 0x2F, 0xFD]))
            #expect(small.storedBytes < small.plainBytes * 2 / 3)
        }
    }

    @Test("has zeros for the holes of its source", arguments: Compression.allCases)
    func holes(compression: Compression) throws {
        try withScratchFolder { scratch in
            let source = try scratch.write("dump", [1, 2, 3])
            try #require(truncate(source, 3 << 20) == 0)
            let archive = scratch.path + "/archive"
            let packed = try pack(
                source, to: archive, compression: compression, beforeRename: { _ in }, progress: nil)
            #expect(packed.plainBytes == 3 << 20)
            try unpack(archive, expecting: packed, to: scratch.path + "/restored", progress: nil)
            #expect(try contents(scratch.path + "/restored") == [1, 2, 3] + [UInt8](repeating: 0, count: 3 << 20 - 3))
        }
    }

    @Test("tells how far it is, from nothing to the whole", arguments: Compression.allCases)
    func progress(compression: Compression) throws {
        try withScratchFolder { scratch in
            let source = try scratch.write("dump", dump(5 << 20))
            let archive = scratch.path + "/archive"
            let heard = Heard()
            let packed = try pack(
                source, to: archive, compression: compression, beforeRename: { _ in }, progress: heard.note)
            heard.check(total: 5 << 20)
            try unpack(archive, expecting: packed, to: scratch.path + "/restored", progress: heard.note)
            heard.check(total: 5 << 20)
        }
    }

    @Test("is described by a side-car in JSON")
    func coding() throws {
        let packed = PackedDump(plainBytes: .max, storedBytes: 2, sha256: "ab", compression: .zstd)
        let text = #"{"plainBytes":18446744073709551615,"storedBytes":2,"sha256":"ab","compression":"zstd"}"#
        #expect(try JSONDecoder().decode(PackedDump.self, from: Data(text.utf8)) == packed)
        #expect(try JSONDecoder().decode(PackedDump.self, from: JSONEncoder().encode(packed)) == packed)
    }
}

/// Collects what a `Progress` is told.
private final class Heard: Sendable {
    private let calls = Mutex<[(done: UInt64, total: UInt64)]>([])

    var note: Progress {
        { done, total in self.calls.withLock { $0.append((done, total)) } }
    }

    func check(total: UInt64) {
        let calls = calls.withLock { calls in
            defer { calls = [] }
            return calls
        }
        #expect(calls.first?.done == 0)
        #expect(calls.last?.done == total)
        #expect(calls.allSatisfy { $0.total == total })
        #expect(zip(calls, calls.dropFirst()).allSatisfy { $0.done < $1.done })
    }
}
