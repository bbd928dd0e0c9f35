import RAMArchive
import TestSupport
import Testing

@Suite("A damaged archive")
struct DamageTests {
    /// Checks that neither call accepts it, and that nothing is left behind.
    private func expectDamage(
        _ bytes: [UInt8], _ sideCar: PackedDump, in scratch: ScratchFolder, _ what: String = "",
        at location: SourceLocation = #_sourceLocation
    ) throws {
        let archive = try scratch.write("archive", bytes)
        let unpacked = code {
            try unpack(archive, expecting: sideCar, to: scratch.path + "/restored", progress: nil)
        }
        #expect(unpacked == .damaged, "\(what)", sourceLocation: location)
        #expect(try scratch.names(in: "") == ["archive"], "\(what)", sourceLocation: location)
    }

    @Test("is found wherever it ends, also when the side-car has its length", arguments: Compression.allCases)
    func truncated(compression: Compression) throws {
        try withScratchFolder { scratch in
            let packed = try packed(dump(6000), compression, in: scratch)
            let whole = try contents(scratch.path + "/archive")
            for length in stride(from: 0, to: whole.count, by: compression == .zstd ? 1 : 97) {
                let cut = Array(whole[..<length])
                try expectDamage(cut, packed, in: scratch, "\(length)")
                try expectDamage(cut, packed.lying(storedBytes: UInt64(length)), in: scratch, "\(length)")
            }
        }
    }

    @Test("is found whichever bit is wrong, unless the dump comes out the same", arguments: Compression.allCases)
    func flipped(compression: Compression) throws {
        try withScratchFolder { scratch in
            let plain = dump(6000)
            let packed = try packed(plain, compression, in: scratch)
            let whole = try contents(scratch.path + "/archive")
            var harmless = 0
            // Steps that come by all eight bits of a byte.
            for bit in stride(from: 0, to: whole.count * 8, by: compression == .zstd ? 7 : 333) {
                var bytes = whole
                bytes[bit / 8] ^= 1 << (bit % 8)
                let archive = try scratch.write("archive", bytes)
                let restored = scratch.path + "/restored"
                let unpacked = code { try unpack(archive, expecting: packed, to: restored, progress: nil) }
                guard unpacked == nil else {
                    #expect(unpacked == .damaged, "bit \(bit)")
                    #expect(try scratch.names(in: "") == ["archive"], "bit \(bit)")
                    continue
                }
                // RFC 8878 has a bit that says nothing, and a repetition may be copied from elsewhere.
                harmless += 1
                #expect(try contents(restored) == plain, "bit \(bit)")
                scratch.remove("restored")
            }
            #expect(harmless < (compression == .zstd ? whole.count * 8 / 7 / 50 : 1))
        }
    }

    @Test("is found when it has several buffers", arguments: [100_000, 1 << 20 + 5, 2 << 20 + 5], Compression.allCases)
    func large(place: Int, compression: Compression) throws {
        try withScratchFolder { scratch in
            let packed = try packed(dump(5 << 20), compression, in: scratch)
            var bytes = try contents(scratch.path + "/archive")
            try expectDamage(
                Array(bytes[..<place]), packed.lying(storedBytes: UInt64(place)), in: scratch)
            bytes[place] ^= 1
            try expectDamage(bytes, packed, in: scratch)
        }
    }

    @Test("is found when something follows or precedes it", arguments: Compression.allCases)
    func surrounded(compression: Compression) throws {
        try withScratchFolder { scratch in
            let packed = try packed(dump(6000), compression, in: scratch)
            let whole = try contents(scratch.path + "/archive")
            // A skippable frame of RFC 8878, which a Zstandard decoder passes over.
            let skippable: [UInt8] = [0x50, 0x2A, 0x4D, 0x18, 1, 0, 0, 0, 7]
            for bytes in [whole + [0], whole + whole, whole + skippable, skippable + whole] {
                try expectDamage(bytes, packed, in: scratch)
                try expectDamage(bytes, packed.lying(storedBytes: UInt64(bytes.count)), in: scratch)
            }
            // The frame ends where a buffer of 256 KiB does.
            let padded = whole + [UInt8](repeating: 0, count: 1 << 18 - whole.count + 1)
            try expectDamage(padded, packed.lying(storedBytes: UInt64(padded.count)), in: scratch)
        }
    }

    @Test("is one that does not fit its side-car", arguments: Compression.allCases)
    func lies(compression: Compression) throws {
        try withScratchFolder { scratch in
            let packed = try packed(dump(6000), compression, in: scratch)
            let whole = try contents(scratch.path + "/archive")
            let other: Compression = compression == .zstd ? .none : .zstd
            for sideCar in [
                packed.lying(plainBytes: 5999), packed.lying(plainBytes: 6001), packed.lying(plainBytes: 0),
                packed.lying(plainBytes: .max), packed.lying(storedBytes: 0), packed.lying(storedBytes: .max),
                packed.lying(sha256: ""), packed.lying(sha256: packed.sha256.uppercased()),
                packed.lying(sha256: String(packed.sha256.reversed())), packed.lying(compression: other),
                packed.lying(plainBytes: UInt64(whole.count), compression: other),
            ] {
                try expectDamage(whole, sideCar, in: scratch, "\(sideCar)")
            }
        }
    }

    @Test("may not ask for the memory of a huge window")
    func window() throws {
        try withScratchFolder { scratch in
            // RFC 8878: magic, no content size nor checksum, a window of 2^27, an empty last block.
            let bytes: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0, 17 << 3, 1, 0, 0]
            let empty = try packed([], .zstd, in: scratch)
            try expectDamage(bytes, empty.lying(storedBytes: UInt64(bytes.count)), in: scratch)
        }
    }
}
