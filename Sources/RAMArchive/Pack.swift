internal import Glibc

/// Packs a RAM dump into cold storage.
///
/// Writes `destination + ".part"` (0600), syncs it, calls `beforeRename`, renames it and syncs the folder: a process
/// that is killed, or a host that loses power, leaves the old `destination` or the new one, whole. A `.part` that was
/// left over is removed first, so only one process at a time may pack to a destination. On any error that comes
/// before the renaming, `.part` is removed and `destination` is as it was.
///
/// The source stays: removing it is for the caller, after this has returned. Its holes are read as zeros.
/// - Parameters:
///   - source: the dump, a plain file that nobody writes to.
///   - destination: the archive, which is replaced if it is there.
///   - beforeRename: writes the side-car, durably. What it throws is thrown.
///   - progress: in bytes of the plain dump.
/// - Throws: `ArchiveError` with `.missing`, `.unreadable` (also when the source changes meanwhile), `.full`,
///   `.unwritable`, `.exists` (the destination is no plain file, or is the source) or `.noMemory`; and what
///   `beforeRename` throws.
public func pack(
    _ source: String, to destination: String, compression: Compression,
    beforeRename: (PackedDump) throws -> Void, progress: Progress?
) throws -> PackedDump {
    let input = try InputFile(source)
    let part = destination + ".part"
    try checkReplaceable(destination, by: input)
    try checkReplaceable(part, by: input)
    unlink(part)
    var output = try OutputFile(creating: part, isDurable: true)
    let packed = try pack(input, into: &output, compression: compression, progress: progress)
    try output.sync()
    try beforeRename(packed)
    try output.rename(to: destination)
    return packed
}

/// Packs an open file into another.
func pack(
    _ input: borrowing InputFile, into output: inout OutputFile, compression: Compression, progress: Progress?
) throws -> PackedDump {
    let moved: (bytes: UInt64, sha256: String)
    switch compression {
    case .none:
        moved = try pump(
            total: input.size, progress: progress, fill: { try input.fill($0) }, take: { try output.write($0) })
        try check(moved.bytes, of: input)
    case .zstd:
        let packer = try ZstdPacker(plainBytes: input.size)
        moved = try pump(
            total: input.size, progress: progress, fill: { try input.fill($0) },
            take: { try packer.add($0, to: &output) })
        try check(moved.bytes, of: input)
        try packer.end(&output)
    }
    return PackedDump(
        plainBytes: moved.bytes, storedBytes: output.written, sha256: moved.sha256, compression: compression)
}

private func check(_ count: UInt64, of input: borrowing InputFile) throws {
    guard count == input.size else { throw input.changed }
    try input.checkUnchanged()
}

/// Finds out before the work, not after it, what renaming would refuse; and never touches the source.
private func checkReplaceable(_ path: String, by input: borrowing InputFile) throws {
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    guard !input.isSame(as: status) else {
        throw ArchiveError(.exists, "\(shown(path)) is the dump itself; give another name")
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
        throw ArchiveError(.exists, "\(shown(path)) is there and no plain file; move it away")
    }
}
