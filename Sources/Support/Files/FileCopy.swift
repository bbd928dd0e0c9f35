internal import CLinux
internal import Glibc
package import SystemPackage

/// A copy of a file of any length into an empty one. Where the file system can, both share their blocks
/// (copy_file_range(2)); holes stay holes.
///
/// What is written to the source meanwhile, beyond the length that it had, is left out.
package struct FileCopy {
    private static let (longestRange, piece) = (64 << 20, 1 << 20)

    private let input: FileDescriptor
    private let output: FileDescriptor
    private let size: Int
    /// Has the kernel copy bytes to where they are in the other file; their count, or -1 with `errno`.
    var copyRange: (_ input: Int32, _ output: Int32, _ offset: Int, _ count: Int) -> Int = {
        stillpoint_copy_range($0, $1, Int64($2), $3)
    }

    /// - Throws: Errno, `.fileTooLarge` where the source has more than `limit` bytes.
    package init(of input: FileDescriptor, to output: FileDescriptor, limit: Int = .max) throws(Errno) {
        (self.input, self.output) = (input, output)
        size = try input.status().st_size
        guard size <= limit else { throw .fileTooLarge }
    }

    /// Makes it; not durable yet.
    /// - Throws: Errno.
    package func make(progress: ((_ done: UInt64, _ total: UInt64) -> Void)? = nil) throws {
        var offset = 0
        var isKernels = try tellsHoles()
        while offset < size {
            if isKernels, let end = copyRange(from: offset) {
                offset = end
            } else {
                isKernels = false
                let end = try copyPiece(from: offset)
                if end == offset { break }
                offset = end
            }
            progress?(UInt64(offset), UInt64(size))
        }
        guard ftruncate(output.rawValue, size) == 0 else { throw Errno(rawValue: errno) }
    }

    /// Whether the source's holes are seen; where they are not (NFS before 4.2, FUSE), the kernel would write them out. Of a
    /// file that has fewer blocks than bytes and no hole, only compression can be the reason.
    private func tellsHoles() throws(Errno) -> Bool {
        if try input.status().st_blocks * 512 >= size { return true }
        return stillpoint_compresses(input.rawValue) != 0 || lseek(input.rawValue, 0, STILLPOINT_SEEK_HOLE) < size
    }

    /// Copies some of the next data in the kernel; nil where it does not copy between the two, or fails: what is really in
    /// the way meets `copyPiece` too.
    /// - Returns: the offset behind them.
    private func copyRange(from offset: Int) -> Int? {
        let start = lseek(input.rawValue, offset, STILLPOINT_SEEK_DATA)
        // Nothing but a hole is left.
        if start < 0 { return errno == ENXIO ? size : nil }
        let hole = lseek(input.rawValue, start, STILLPOINT_SEEK_HOLE)
        // Only whole blocks can be shared, the file's last one apart.
        let end = min(hole < 0 ? size : hole, size, (start / Self.longestRange + 1) * Self.longestRange)
        guard start < end else { return size }
        while true {
            let count = copyRange(input.rawValue, output.rawValue, start, end - start)
            if count > 0 { return start + count }
            if count == 0 || errno != EINTR { return nil }
        }
    }

    /// Copies the next bytes by hand; a piece that is all zeros becomes a hole.
    /// - Returns: the offset behind them; the same one where the source has ended.
    private func copyPiece(from offset: Int) throws -> Int {
        let piece = try input.bytes(
            at: UInt64(offset), count: min((offset / Self.piece + 1) * Self.piece, size) - offset)
        if piece.contains(where: { $0 != 0 }) { try output.writeAll(toAbsoluteOffset: Int64(offset), piece) }
        return offset + piece.count
    }
}
