import RAMArchive
import SystemPackage
import TestSupport

/// Bytes like a dump's: pages of zeros, of few different values, and of noise; always the same.
func dump(_ count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var state: UInt32 = 1
    for page in stride(from: 0, to: count, by: 4096) where page / 4096 % 3 != 0 {
        for index in page..<min(page + 4096, count) {
            state = state &* 1_664_525 &+ 1_013_904_223
            bytes[index] = UInt8(truncatingIfNeeded: state >> (page / 4096 % 3 == 1 ? 30 : 16))
        }
    }
    return bytes
}

/// The whole of a file.
func contents(_ path: String) throws -> [UInt8] {
    let file = try FileDescriptor.open(FilePath(path), .readOnly)
    return try file.closeAfter {
        let length = Int(try file.seek(offset: 0, from: .end))
        return try [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
            count = try file.read(fromAbsoluteOffset: 0, into: UnsafeMutableRawBufferPointer(buffer))
        }
    }
}

/// Packs bytes to "archive" in a folder.
@discardableResult
func packed(_ bytes: [UInt8], _ compression: Compression, in scratch: ScratchFolder) throws -> PackedDump {
    let source = try scratch.write("dump", bytes)
    defer { scratch.remove("dump") }
    return try pack(
        source, to: scratch.path + "/archive", compression: compression, beforeRename: { _ in }, progress: nil)
}

/// The code of the error that something throws; nil when it throws none.
func code(of body: () throws -> Void) -> ArchiveError.Code? {
    do {
        try body()
        return nil
    } catch let error as ArchiveError {
        return error.code
    } catch {
        return ArchiveError.Code("\(error)")
    }
}

extension PackedDump {
    /// The same with something else in its place: a side-car that lies.
    func lying(
        plainBytes: UInt64? = nil, storedBytes: UInt64? = nil, sha256: String? = nil, compression: Compression? = nil
    ) -> PackedDump {
        PackedDump(
            plainBytes: plainBytes ?? self.plainBytes, storedBytes: storedBytes ?? self.storedBytes,
            sha256: sha256 ?? self.sha256, compression: compression ?? self.compression)
    }
}
