/// Unpacks an archive to a new file, and checks its length and SHA-256 on the way.
///
/// The file (0600) is not synced, and is removed again when anything is wrong; a process that is killed leaves it
/// incomplete. It may be used after this has returned, not before: the SHA-256 is known at the end only.
///
/// What is checked is the dump. A wrong bit of the archive that does not alter the dump is no damage: Zstandard has
/// such bits, as where a repeated text is copied from.
/// - Parameters:
///   - source: the archive.
///   - expecting: what its side-car says of it.
///   - destination: the file to be made, which must not be there.
///   - progress: in bytes of the plain dump.
/// - Throws: `ArchiveError` with `.missing`, `.unreadable`, `.damaged` (the archive or the side-car is wrong),
///   `.exists` (the destination is there), `.full`, `.unwritable` or `.noMemory`.
public func unpack(
    _ source: String, expecting: PackedDump, to destination: String, progress: Progress?
) throws {
    let input = try InputFile(source)
    try checkLengths(of: input, expecting)
    var output = try OutputFile(creating: destination, isDurable: false)
    try unpack(input, expecting: expecting, progress: progress) { try output.write($0) }
    output.keep()
}

/// What can be told without reading the file.
private func checkLengths(of input: borrowing InputFile, _ expected: PackedDump) throws {
    guard input.size == expected.storedBytes else {
        throw ArchiveError.damaged(input.path, "it has \(input.size) bytes instead of \(expected.storedBytes)")
    }
    guard expected.compression != .none || expected.plainBytes == expected.storedBytes else {
        throw ArchiveError.damaged(input.path, "an archive without compression has the length of its dump")
    }
}

/// Hands the dump to `take`, and throws at the end if it was not the expected one.
func unpack(
    _ input: borrowing InputFile, expecting expected: PackedDump, progress: Progress?,
    take: (UnsafeRawBufferPointer) throws -> Void
) throws {
    let moved: (bytes: UInt64, sha256: String)
    switch expected.compression {
    case .none:
        moved = try pump(
            total: expected.plainBytes, progress: progress, fill: { try input.fill($0) }, take: take)
    case .zstd:
        var unpacker = try ZstdUnpacker()
        moved = try pump(
            total: expected.plainBytes, progress: progress, fill: { try unpacker.fill($0, from: input) }, take: take)
    }
    guard moved.bytes == expected.plainBytes else {
        let finding = moved.bytes > expected.plainBytes ? "more than" : "\(moved.bytes) instead of"
        throw ArchiveError.damaged(input.path, "it holds \(finding) \(expected.plainBytes) bytes")
    }
    guard moved.sha256 == expected.sha256 else {
        throw ArchiveError.damaged(input.path, "its SHA-256 is \(moved.sha256)")
    }
}
