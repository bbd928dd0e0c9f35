internal import Glibc
internal import SystemPackage

/// Copies a disk image or a RAM dump into a new file of the same owner and mode, durably; holes stay holes.
///
/// - Throws: Errno; what was written is then removed.
func copyLargeFile(
    _ source: String, to destination: String, progress: (@Sendable (_ done: UInt64, _ total: UInt64) -> Void)?
) throws {
    let input = try FileDescriptor.open(FilePath(source), .readOnly, options: [.closeOnExec])
    try input.closeAfter {
        let output = try FileDescriptor.open(
            FilePath(destination), .writeOnly, options: [.create, .exclusiveCreate, .noFollow, .closeOnExec],
            permissions: .ownerReadWrite)
        do {
            try output.closeAfter { try copyLargeFile(input, to: output, progress: progress) }
        } catch {
            unlink(destination)
            throw error
        }
    }
}

/// The same, into an empty file.
/// - Throws: Errno.
func copyLargeFile(
    _ input: FileDescriptor, to output: FileDescriptor,
    progress: (@Sendable (_ done: UInt64, _ total: UInt64) -> Void)?
) throws {
    var status = stat()
    guard fstat(input.rawValue, &status) == 0 else { throw Errno(rawValue: errno) }
    try copyData(from: input, to: output, size: UInt64(status.st_size), progress)
    guard ftruncate(output.rawValue, status.st_size) == 0,
        fchown(output.rawValue, status.st_uid, status.st_gid) == 0,
        fchmod(output.rawValue, status.st_mode & 0o7777) == 0, fsync(output.rawValue) == 0
    else { throw Errno(rawValue: errno) }
}

private func copyData(
    from input: FileDescriptor, to output: FileDescriptor, size: UInt64,
    _ progress: (@Sendable (UInt64, UInt64) -> Void)?
) throws {
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    var offset: Int64 = 0
    while offset < Int64(size) {
        let count = try buffer.withUnsafeMutableBytes { try input.read(fromAbsoluteOffset: offset, into: $0) }
        if count == 0 { break }
        // SEEK_DATA is not to be had on every file system; a block of zeros is a hole as well.
        if buffer[..<count].contains(where: { $0 != 0 }) {
            try buffer[..<count].withUnsafeBytes { _ = try output.writeAll(toAbsoluteOffset: offset, $0) }
        }
        offset += Int64(count)
        progress?(UInt64(offset), size)
    }
}
